import { chunksOf } from "../model/chunks.ts";
import type { Slo } from "../model/experiment.ts";
import { completed, failed, type Outcome } from "../model/outcome.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { EngineDescription, ExperimentDescription, TestResult } from "../model/result.ts";
import { toNanoseconds, type Seconds } from "../model/time.ts";

/** What a test of reports wants to differ from the plain fixture. Never part of a product run. */
export interface FixtureOptions {
  readonly engines?: readonly string[];
  readonly contexts?: readonly number[];
  readonly requests?: number;
  readonly repeats?: number;
  readonly simulated?: boolean;
  /** Simulated within the harness: no engine has a command. */
  readonly virtual?: boolean;
  /** Time to first token of one request; undefined fails it. */
  readonly ttft?: (of: { engine: string; context: number; request: number; block: number }) => Seconds | undefined;
  readonly gpuMemory?: boolean;
  readonly outputTokens?: number;
  readonly tokenEvery?: Seconds;
  readonly slo?: Slo;
}

/** A finished test: by default two engines, three contexts, ten requests each, one every 8 s; the second engine keeps no cache. */
export function fixture(options: FixtureOptions = {}): TestResult {
  const { engines = ["cached", "plain"], contexts = [8_192, 16_384, 24_576], simulated = true } = options;
  const experiments = contexts.map((context, index) => ({
    index,
    description: experimentOf(context, options),
    records: engines.flatMap((engine) => blocksOf(options).flatMap((block) => recordsOf({ engine, context, index, block }, options))),
    neverDue: 0,
    readings: options.gpuMemory === true ? gpuReadings(engines, context, index * 100) : [],
    span: { from: toNanoseconds(index * 100), to: toNanoseconds(index * 100 + 80) },
  }));
  const baseline = engines.length > 1 ? engines.at(-1) : undefined;
  return {
    description: {
      schema: 1,
      test: "test_lmcache_local_cpu",
      summary: "KV cache kept in CPU memory, against the same engine without it.",
      simulated,
      ...(baseline === undefined ? {} : { baseline }),
      engines: engines.map((name, place) => engineOf(name, place, options)),
      experiments: experiments.map(({ description }) => description),
    },
    manifest: {
      schema: 1,
      tandem: "0.1.0",
      startedAt: "2026-11-24T10:00:00.000Z",
      commandLine: ["tandem", "run", "tests/lmcache.ts", "-f", "test_lmcache_local_cpu"],
      host: { "operating system": "Linux 6.1", processor: "16 cores", node: "24.21.0" },
      simulated,
    },
    experiments,
    events: [],
    verdicts: contexts.flatMap((_, experiment) => [
      { experiment, check: "every request succeeds", ok: true, observed: 0, wanted: "at most 0" },
      {
        experiment,
        check: "a cached prefix halves the wait",
        ok: experiment > 0,
        observed: experiment > 0 ? 0.21 : 0.61,
        wanted: "at most 0.5",
      },
    ]),
    facts: Object.fromEntries(engines.map((name) => [name, { version: "0.11.0", "served model": "mistralai/Mistral-7B-Instruct-v0.2" }])),
    complete: true,
    ttftAnchor: "sent",
    lasted: 300,
  };
}

function blocksOf({ repeats = 1 }: FixtureOptions): readonly number[] {
  return Array.from({ length: repeats }, (_, block) => block);
}

function engineOf(name: string, place: number, { simulated = true, virtual = false }: FixtureOptions): EngineDescription {
  return {
    name,
    kind: simulated ? "simulated" : "vllm",
    model: "mistralai/Mistral-7B-Instruct-v0.2",
    simulated,
    features: name === "cached" ? ["prefix caching off", "KV cache in CPU memory, 5 GiB"] : ["prefix caching off"],
    gpus: [String(place)],
    ...(virtual ? {} : startedAs(name, place)),
    api: "completions",
    batch: 0,
  };
}

function startedAs(name: string, place: number): Pick<EngineDescription, "command" | "environment"> {
  return {
    command: [
      ..."vllm serve mistralai/Mistral-7B-Instruct-v0.2 --port 8000 --gpu-memory-utilization 0.8 --tensor-parallel-size 1 --trust-remote-code".split(
        " ",
      ),
      ...(name === "cached" ? ["--kv-transfer-config", '{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}'] : []),
    ],
    environment: {
      added: {
        CUDA_VISIBLE_DEVICES: String(place),
        PYTHONHASHSEED: "0",
        ...(name === "cached" ? { LMCACHE_CONFIG_FILE: "lmcache.yaml" } : {}),
      },
      removed: ["LMCACHE_CONFIG_FILE", "VLLM_USE_V1"],
    },
  };
}

function experimentOf(contextTokens: number, { requests = 10, repeats = 1, slo }: FixtureOptions): ExperimentDescription {
  return {
    title: `${contextTokens.toLocaleString("en-US")} context tokens, ${requests} question${requests === 1 ? "" : "s"}`,
    workload: {
      kind: "documentQa",
      options: { contextTokens, questionTokens: 16, documents: 1, requests },
      hash: "5f0c1d7a9b3e4c21",
      requests,
    },
    arrivals: { kind: "every", options: { seconds: 8 }, phrase: "one every 8 s" },
    order: "together",
    repeats,
    seed: 1,
    deadlines: { connect: 5, firstToken: 120, idle: 60, request: 600 },
    ...(slo === undefined ? {} : { slo }),
  };
}

interface Place {
  readonly engine: string;
  readonly context: number;
  readonly index: number;
  readonly block: number;
}

function recordsOf(place: Place, options: FixtureOptions): readonly RequestRecord[] {
  const { requests = 10, ttft = usualTtft } = options;
  return Array.from({ length: requests }, (_, request) => recordOf(place, request, ttft({ ...place, request }), options));
}

function recordOf(
  { engine, context, index, block }: Place,
  request: number,
  ttft: Seconds | undefined,
  options: FixtureOptions,
): RequestRecord {
  const { outputTokens = 20, tokenEvery = 0.0125 + 0.0001 * request } = options;
  const due = block * 100 + request * 8;
  const sent = due + 0.0002;
  const common = {
    experiment: index,
    block,
    engine,
    request,
    due: toNanoseconds(due),
    sent: toNanoseconds(sent),
    attempts: 1,
    reused: true,
    contextTokens: context,
    questionTokens: 16,
    reusableTokens: request === 0 ? 0 : context,
    cache: request === 0 ? ("cold" as const) : ("warm" as const),
  };
  if (ttft === undefined) {
    const outcome: Outcome = failed("first-token-timeout", "no token within 120 s");
    return { ...common, chunks: chunksOf([]), ended: toNanoseconds(sent + 120), outcome };
  }
  const stamps = Array.from({ length: outputTokens }, (_, token) => toNanoseconds(sent + ttft + token * tokenEvery));
  return {
    ...common,
    headers: toNanoseconds(sent + Math.min(0.03, ttft / 2)),
    chunks: chunksOf(stamps.map((at) => ({ at, kind: "text", tokens: 1 }))),
    ended: (stamps.at(-1) ?? 0) + 100_000,
    outcome: completed,
    status: 200,
    promptTokens: context + 16,
    cachedTokens: engine === "cached" && request > 0 ? context : 0,
    outputTokens,
    outputTokensSource: "usage",
  };
}

// Prefill at 6,000 tokens/s; a cached prefix costs a twentieth of it; a little spread that is the same every time.
function usualTtft({ engine, context, request }: { engine: string; context: number; request: number }): Seconds {
  const spread = 1 + 0.02 * Math.sin(request * 2.3 + engine.length);
  const prefill = context / 6_000;
  return (engine === "cached" ? (request === 0 ? prefill * 1.04 : prefill / 20 + 0.03) : prefill) * spread;
}

function gpuReadings(engines: readonly string[], context: number, start: Seconds): readonly Reading[] {
  return engines.flatMap((_, gpu) =>
    Array.from({ length: 81 }, (_, second) => ({
      at: toNanoseconds(start + second),
      series: "gpu-memory-mib",
      of: `gpu-${gpu}`,
      value: 63_000 + gpu * 400 + Math.min(second, 20) * 10 + context / 100,
    })),
  );
}
