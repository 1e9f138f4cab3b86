import { listOfTexts, share, wholeNumber, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, EngineMetrics, SimulationOptions } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import { flagsIn, named, present, saidByTandem, valued, type FlagRules } from "./flags.ts";
import { checkServed } from "./furtherArguments.ts";
import { installationFeatures, installationRules, launchFrom, modelName, tokenIdOffset, type InstallationOptions } from "./installation.ts";
import { notSimulated } from "./notSimulated.ts";

export interface TensorrtLlmOptions extends InstallationOptions {
  /** A name on the model hub, or the absolute path of a checkpoint or a built engine. */
  readonly model: string;
  readonly tensorParallel?: number;
  /** Of the GPU memory that is free once the weights are there, for KV cache. TensorRT-LLM takes 0.9 unless said. */
  readonly kvCacheFraction?: number;
  /** Reuse of KV blocks. On unless said. */
  readonly prefixCaching?: boolean;
  readonly chunkedPrefill?: boolean;
  readonly maxSeqLen?: number;
  readonly maxBatchSize?: number;
  readonly maxNumTokens?: number;
  readonly trustRemoteCode?: boolean;
  readonly extraArgs?: readonly string[];
}

const rules: Readonly<Record<keyof TensorrtLlmOptions, OptionRule>> = {
  ...installationRules,
  model: modelName,
  tensorParallel: wholeNumber({ from: 1, to: most.gpus }),
  kvCacheFraction: share,
  prefixCaching: yesOrNo,
  chunkedPrefill: yesOrNo,
  maxSeqLen: wholeNumber({ from: 1 }),
  maxBatchSize: wholeNumber({ from: 1 }),
  maxNumTokens: wholeNumber({ from: 1 }),
  trustRemoteCode: yesOrNo,
  extraArgs: listOfTexts,
};

const settingsFile = "tensorrt-llm.yaml";

/** Versions without commands take the first word for a model, and list the same. */
const flags: FlagRules = {
  engine: "TensorRT-LLM",
  program: "trtllm-serve",
  lists: [["serve", "--help"]],
  saidBy: {
    "--host": saidByTandem.address,
    "--port": saidByTandem.port,
    ...named("tensorParallel", "--tp_size", "--tensor_parallel_size"),
    // The file that these name is ours, and what it says of the KV cache goes before the flags.
    ...named("prefixCaching, chunkedPrefill, kvCacheFraction", "--extra_llm_api_options", "--config"),
    ...named("kvCacheFraction", "--kv_cache_free_gpu_memory_fraction", "--free_gpu_memory_fraction"),
  },
  eitherWay: {
    "--max_seq_len": "maxSeqLen",
    "--max_batch_size": "maxBatchSize",
    "--max_num_tokens": "maxNumTokens",
    "--enable_chunked_prefill": "chunkedPrefill",
    "--trust_remote_code": "trustRemoteCode",
  },
};

/** `trtllm-serve`. What it has no flag for goes into a file of this engine's own. */
export function tensorrtLlm(options: TensorrtLlmOptions): Engine {
  checkServed("tensorrtLlm()", options, rules, flags);
  const { model, maxSeqLen } = options;
  return {
    kind: "tensorrt-llm",
    model,
    simulated: false,
    gpus: options.tensorParallel ?? 1,
    // Of what is free, not of all there is: it cannot share a GPU by a number known beforehand.
    gpuShare: 1,
    launch: launchFrom("tensorrtLlm()", options, {
      program: flags.program,
      args: ({ port, directory }, host) => serveArguments(options, host, port, `${directory}/${settingsFile}`),
      flags,
      package: "tensorrt_llm",
      files: () => ({ [settingsFile]: settings(options) }),
      ready: { path: "/health", within: 900 },
      missing: `run it from its image: image: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0", or say where it is: venv: "/path"`,
      reads: model,
    }),
    // It refuses fields it does not know; these it knows.
    wire: { api: "completions", takesTokenIds: true, tokenIdOffset, fixesLength: true },
    features: [...installationFeatures(options), ...featuresOf(options)],
    configFiles: [],
    metrics,
    // Versions whose replies tell cached tokens are held to it; in which pieces they are found again depends on the build.
    claims: () => ({ traits: [], reuse: { own: options.prefixCaching ?? true, external: false } }),
    simulation: (gpu) => simulationOf(options, gpu),
    simulatedWithout: () => {
      const { maxNumTokens, extraArgs = [] } = options;
      return notSimulated(maxNumTokens !== undefined && atMostInAStep(maxNumTokens), ...flagsIn(extraArgs));
    },
    ...(maxSeqLen === undefined ? {} : { contextLimit: maxSeqLen }),
  };
}

function serveArguments(options: TensorrtLlmOptions, host: string, port: number, settingsPath: string): readonly string[] {
  return [
    options.model,
    ...valued("--host", host),
    ...valued("--port", port),
    ...valued("--tp_size", options.tensorParallel),
    ...valued("--kv_cache_free_gpu_memory_fraction", options.kvCacheFraction),
    ...valued("--max_seq_len", options.maxSeqLen),
    ...valued("--max_batch_size", options.maxBatchSize),
    ...valued("--max_num_tokens", options.maxNumTokens),
    ...present("--trust_remote_code", options.trustRemoteCode),
    ...valued("--extra_llm_api_options", settingsPath),
    ...(options.extraArgs ?? []),
  ];
}

/** As YAML, of which JSON is a part. The file's KV cache settings replace those of the flags as a whole, so the fraction is said again. */
function settings({ prefixCaching = true, chunkedPrefill, kvCacheFraction }: TensorrtLlmOptions): string {
  const kvCache = {
    enable_block_reuse: prefixCaching,
    ...(kvCacheFraction === undefined ? {} : { free_gpu_memory_fraction: kvCacheFraction }),
  };
  const all = {
    kv_cache_config: kvCache,
    ...(chunkedPrefill === undefined ? {} : { enable_chunked_prefill: chunkedPrefill }),
    // Else its metrics page has nothing of the KV cache.
    enable_iter_perf_stats: true,
    return_perf_metrics: true,
  };
  return `${JSON.stringify(all, undefined, 2)}\n`;
}

function featuresOf(options: TensorrtLlmOptions): readonly string[] {
  const { tensorParallel = 1, prefixCaching, chunkedPrefill, kvCacheFraction, maxSeqLen, maxBatchSize, maxNumTokens } = options;
  return [
    ...(tensorParallel === 1 ? [] : [`tensor parallel on ${tensorParallel} GPUs`]),
    ...(prefixCaching === undefined ? [] : [`prefix caching ${prefixCaching ? "on" : "off"}`]),
    ...(chunkedPrefill === undefined ? [] : [`chunked prefill ${chunkedPrefill ? "on" : "off"}`]),
    ...(kvCacheFraction === undefined ? [] : [`${kvCacheFraction} of free GPU memory for KV cache`]),
    ...(maxSeqLen === undefined ? [] : [`at most ${grouped(maxSeqLen)} tokens`]),
    ...(maxBatchSize === undefined ? [] : [`at most ${grouped(maxBatchSize)} sequences at once`]),
    ...(maxNumTokens === undefined ? [] : [atMostInAStep(maxNumTokens)]),
    ...flagsIn(options.extraArgs ?? []),
  ];
}

function atMostInAStep(tokens: number): string {
  return `at most ${grouped(tokens)} tokens a step`;
}

/** As others read them. Older versions tell the last alone. */
const metrics: EngineMetrics = {
  path: "/prometheus/metrics",
  series: {
    "running-requests": [{ name: "trtllm_num_requests_running" }],
    "waiting-requests": [{ name: "trtllm_num_requests_waiting" }],
    "kv-usage-share": [{ name: "trtllm_kv_cache_utilization" }],
  },
};

function simulationOf(options: TensorrtLlmOptions, gpu: string): SimulationOptions {
  return {
    model: options.model,
    gpu,
    tensorParallel: options.tensorParallel ?? 1,
    gpuMemoryUtilization: options.kvCacheFraction ?? 0.9,
    prefixCaching: options.prefixCaching ?? true,
    chunkedPrefill: options.chunkedPrefill ?? false,
    ...(options.maxBatchSize === undefined ? {} : { maxSequences: options.maxBatchSize }),
    timeScale: 1,
  };
}
