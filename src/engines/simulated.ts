import { checkOptions, nonEmptyText, positive, share, wholeNumber, yesOrNo } from "../model/checkOptions.ts";
import type { Command, Engine, SimulationOptions, Slot } from "../model/engine.ts";
import type { CacheReuse } from "../model/proof.ts";
import { most } from "../model/most.ts";
import { vllmTokenizer } from "./tokenizers.ts";
import { vllmMetrics } from "./vllmMetrics.ts";

export interface SimulatedOptions {
  /** Mistral-7B-Instruct-v0.2, glm-4-9b-chat or Llama-3.1-8B-Instruct, with or without the organisation. */
  readonly model?: string;
  /** h100, h200, a100, a40 or l4. */
  readonly gpu?: string;
  readonly tensorParallel?: number;
  readonly gpuMemoryUtilization?: number;
  readonly prefixCaching?: boolean;
  readonly chunkedPrefill?: boolean;
  /** KV blocks are also kept in so much CPU memory for each GPU, in GiB, as LMCache does. */
  readonly cpuCacheGigabytes?: number;
  /** 1 is real time, 0.1 ten times as fast: for demonstrations and tests. */
  readonly timeScale?: number;
}

const rules = {
  model: nonEmptyText,
  gpu: nonEmptyText,
  tensorParallel: wholeNumber({ from: 1, to: most.gpus }),
  gpuMemoryUtilization: share,
  prefixCaching: yesOrNo,
  chunkedPrefill: yesOrNo,
  cpuCacheGigabytes: positive,
  timeScale: positive,
};

const serveProgram = decodeURIComponent(new URL("../simulation/serve.ts", import.meta.url).pathname);

// LMCache's default.
const chunkTokens = 256;

/** An engine with known latencies that needs no GPU and no model: a child process that speaks HTTP as vLLM does. Never a measurement. */
export function simulated(options: SimulatedOptions = {}): Engine {
  checkOptions("simulated()", options, Object.keys(rules), rules);
  const simulation = simulationOf(options);
  return {
    kind: "simulated",
    model: simulation.model,
    simulated: true,
    gpus: 0,
    gpuShare: 0,
    launch: {
      kind: "process",
      command: (slot) => serveCommand(simulation, slot),
      ready: { path: "/health", within: 30 },
      missing: "the simulated engine is part of Tandem; its files seem to be incomplete",
    },
    wire: { api: "completions", takesTokenIds: true, tokenIdOffset: 0, fixesLength: true },
    features: featuresOf(simulation),
    configFiles: [],
    simulation: (gpu) => ({ ...simulation, gpu: options.gpu ?? gpu }),
    metrics: vllmMetrics,
    tokenizer: [vllmTokenizer],
    claims: () => ({ traits: [], reuse: reuseOf(simulation) }),
    resets: { paths: ["/reset_prefix_cache?reset_external=true"], own: "/reset_prefix_cache" },
  };
}

function simulationOf(options: SimulatedOptions): SimulationOptions {
  const { cpuCacheGigabytes: gigabytes } = options;
  return {
    model: options.model ?? "meta-llama/Llama-3.1-8B-Instruct",
    gpu: options.gpu ?? "h100",
    tensorParallel: options.tensorParallel ?? 1,
    gpuMemoryUtilization: options.gpuMemoryUtilization ?? 0.8,
    prefixCaching: options.prefixCaching ?? true,
    chunkedPrefill: options.chunkedPrefill ?? true,
    ...(gigabytes === undefined ? {} : { cpuCache: { gigabytes, chunkTokens } }),
    timeScale: options.timeScale ?? 1,
  };
}

/** Blocks as vLLM's on a GPU. */
const blockTokens = 16;

function reuseOf({ prefixCaching, cpuCache }: SimulationOptions): CacheReuse {
  return {
    own: prefixCaching,
    ownPiece: blockTokens,
    external: cpuCache !== undefined,
    ...(cpuCache === undefined ? {} : { externalPiece: cpuCache.chunkTokens, onlyTier: "memory" }),
  };
}

function serveCommand(simulation: SimulationOptions, { port, directory }: Slot): Command {
  return {
    program: "node",
    args: [serveProgram, "--port", String(port), "--options", JSON.stringify(simulation), "--truth", `${directory}/truth.jsonl`],
    env: {},
  };
}

function featuresOf(simulation: SimulationOptions): readonly string[] {
  const { gpu, tensorParallel, prefixCaching, chunkedPrefill, cpuCache, timeScale } = simulation;
  return [
    `simulated ${tensorParallel === 1 ? gpu : `${tensorParallel} x ${gpu}`}`,
    `prefix caching ${prefixCaching ? "on" : "off"}`,
    ...(chunkedPrefill ? [] : ["chunked prefill off"]),
    ...(cpuCache === undefined ? [] : [`KV cache in CPU memory, ${cpuCache.gigabytes} GiB`]),
    ...(timeScale === 1 ? [] : [`time scaled by ${timeScale}`]),
  ];
}
