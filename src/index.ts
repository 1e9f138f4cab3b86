// What a test file imports. Nothing heavy may be reached from here: `tandem list` imports it.
export { atOnce } from "./arrivals/atOnce.ts";
export { closedLoop, type ClosedLoopOptions } from "./arrivals/closedLoop.ts";
export { every, type EveryOptions } from "./arrivals/every.ts";
export { poisson, type PoissonOptions } from "./arrivals/poisson.ts";

export { documentQa, type DocumentQaOptions } from "./workloads/documentQa.ts";
export { varyLength, type VaryLengthOptions } from "./workloads/varyLength.ts";

export { attached, type AttachedOptions } from "./engines/attached.ts";
export { command, type CommandOptions } from "./engines/command.ts";
export type { InstallationOptions } from "./engines/installation.ts";
export { llamaCpp, type LlamaCppOptions } from "./engines/llamaCpp.ts";
export { sglang, type HiCacheOptions, type SglangOptions } from "./engines/sglang.ts";
export { type SglangLmcacheOptions } from "./engines/sglangLmcache.ts";
export { tensorrtLlm, type TensorrtLlmOptions } from "./engines/tensorrtLlm.ts";
export { tgi, type TgiOptions } from "./engines/tgi.ts";
export { transformersServe, type TransformersServeOptions } from "./engines/transformersServe.ts";
export { withLmcache } from "./engines/lmcache.ts";
export type { LmcacheOptions, WithLmcacheOptions } from "./engines/lmcacheOptions.ts";
export { withOffloading, type OffloadingOptions } from "./engines/offloading.ts";
export { lmcacheServer, type L2Adapter, type LmcacheServerOptions } from "./engines/services/lmcacheServer.ts";
export { lmServer, type LmServerOptions } from "./engines/services/lmServer.ts";
export { redis, type RedisOptions } from "./engines/services/redis.ts";
export { redisSentinel, type RedisSentinelOptions } from "./engines/services/redisSentinel.ts";
export { valkey } from "./engines/services/valkey.ts";
export { simulated, type SimulatedOptions } from "./engines/simulated.ts";
export { vllm, type VllmOptions } from "./engines/vllm.ts";

export { atLeast, atMost, between, mayFail, ratio } from "./measure/verdicts.ts";

export {
  experiment,
  type CachesBefore,
  type Deadlines,
  type Experiment,
  type ExperimentOptions,
  type Order,
  type Slo,
} from "./model/experiment.ts";
export type { LimitChange, LimitChanges, LimitName } from "./model/limits.ts";
export { testCase, type Checks, type Params, type TestCase, type TestCaseOptions, type TestFunction } from "./model/testCase.ts";

// For people who write engines, workloads, arrivals of their own: what these are, and what they are made of.
export { checkOptions, type OptionRule } from "./model/checkOptions.ts";
export { draws, type Draw } from "./model/draw.ts";
export type {
  CacheResets,
  CacheRoom,
  Command,
  ContainerOptions,
  Engine,
  EngineClaims,
  EngineMetrics,
  InfoQuestion,
  InstalledProgram,
  Launch,
  MetricName,
  MetricSource,
  Readiness,
  RealPath,
  SimulationOptions,
  Slot,
  StaysFull,
  TokenizerQuestion,
  TraitClaim,
  TraitSource,
  Wire,
  World,
} from "./model/engine.ts";
export type { Check, Distribution, EngineSummary, Summary } from "./model/figures.ts";
export { HarnessError } from "./model/harnessError.ts";
export type { CacheReuse } from "./model/proof.ts";
export type { Arrival, Message, Passage, ReplyOf, Request } from "./model/request.ts";
export type {
  KeptOutside,
  Service,
  ServiceAddress,
  ServiceCheck,
  ServiceLaunch,
  ServiceReset,
  ServiceSlot,
  Services,
} from "./model/service.ts";
export type { Nanoseconds, Seconds } from "./model/time.ts";
export { passage, randomPassage } from "./model/vocabulary.ts";
export type { Arrivals, Options, Workload, WorkloadGenerator } from "./model/workload.ts";
