import {
  checkOptions,
  listOfTexts,
  nonEmptyText,
  notNegative,
  oneOf,
  positive,
  share,
  wholeNumber,
  yesOrNo,
  type OptionRule,
} from "../model/checkOptions.ts";
import type { Engine, InstalledProgram, SimulationOptions } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { most } from "../model/most.ts";
import { flagsIn, ifKnown, named, present, saidByTandem, valued, type FlagRules } from "./flags.ts";
import { checkServed, optionsSaid } from "./furtherArguments.ts";
import {
  installationFeatures,
  installationRules,
  launchFrom,
  modelName,
  temporaryFiles,
  tokenIdOffset,
  type InstallationOptions,
} from "./installation.ts";
import { modelPreset } from "./models.ts";
import { notSimulated } from "./notSimulated.ts";
import { pageSize, prefixCaching, sglangClaims } from "./sglangClaims.ts";
import { withSglangLmcache, type SglangLmcacheOptions } from "./sglangLmcache.ts";
import { sglangMetrics } from "./sglangMetrics.ts";
import { sglangInfo } from "./serverInfo.ts";
import { vllmTokenizer } from "./tokenizers.ts";

/** SGLang's own hierarchical cache: KV blocks kept in CPU memory, and in a storage beside it. */
export interface HiCacheOptions {
  /** CPU memory as a multiple of the GPU's own pool; SGLang takes 2 unless said. */
  readonly ratio?: number;
  /** CPU memory in GB for each rank, instead of the ratio. */
  readonly gigabytes?: number;
  readonly writePolicy?: "write_through" | "write_through_selective" | "write_back";
  /** "file", "mooncake", "hf3fs", "nixl", … */
  readonly storage?: string;
}

export interface SglangOptions extends InstallationOptions {
  /** A name on the model hub, or the absolute path of a directory. */
  readonly model: string;
  readonly tensorParallel?: number;
  /** Of the GPU's memory, weights and KV pool together. */
  readonly memFractionStatic?: number;
  readonly contextLength?: number;
  /** False for `--disable-radix-cache`. */
  readonly prefixCaching?: boolean;
  /** Tokens of a piece of prefill; -1 switches it off. */
  readonly chunkedPrefillSize?: number;
  readonly maxRunningRequests?: number;
  readonly dtype?: string;
  /** "dummy" starts without weights. */
  readonly loadFormat?: string;
  readonly servedName?: string;
  readonly trustRemoteCode?: boolean;
  readonly hiCache?: HiCacheOptions;
  readonly lmcache?: SglangLmcacheOptions;
  readonly extraArgs?: readonly string[];
}

const rules: Readonly<Record<keyof SglangOptions, OptionRule>> = {
  ...installationRules,
  model: modelName,
  tensorParallel: wholeNumber({ from: 1, to: most.gpus }),
  memFractionStatic: share,
  contextLength: wholeNumber({ from: 1 }),
  prefixCaching: yesOrNo,
  chunkedPrefillSize: wholeNumber({ from: -1 }),
  maxRunningRequests: wholeNumber({ from: 1 }),
  dtype: nonEmptyText,
  loadFormat: nonEmptyText,
  servedName: nonEmptyText,
  trustRemoteCode: yesOrNo,
  hiCache: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  lmcache: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  extraArgs: listOfTexts,
};

const hiCacheRules: Readonly<Record<keyof HiCacheOptions, OptionRule>> = {
  ratio: positive,
  gigabytes: notNegative,
  writePolicy: oneOf("write_through", "write_through_selective", "write_back"),
  storage: nonEmptyText,
};

/** SGLang decides by the GPU; this is about what it takes of one with 80 GB. */
const defaultFraction = 0.88;

const flags: FlagRules = {
  engine: "SGLang",
  program: "python3",
  lists: [["-m", "sglang.launch_server", "--help"]],
  abbreviates: true,
  // Of 0.5.23, by its source.
  unlisted: ["--forward-pass-metrics-ipc-name", "--forward-pass-metrics-worker-id"],
  saidBy: {
    ...named("model", "--model-path", "--model"),
    "--port": saidByTandem.port,
    ...named(saidByTandem.address, "--host", "--ssl-keyfile", "--ssl-certfile"),
    "--api-key": saidByTandem.apiKey,
    "--served-model-name": "servedName",
    ...named("tensorParallel", "--tp-size", "--tp", "--tensor-parallel-size"),
    "--mem-fraction-static": "memFractionStatic",
  },
  eitherWay: {
    "--context-length": "contextLength",
    "--chunked-prefill-size": "chunkedPrefillSize",
    "--max-running-requests": "maxRunningRequests",
    "--dtype": "dtype",
    "--load-format": "loadFormat",
    "--enable-hierarchical-cache": "hiCache",
    ...named("lmcache", "--enable-lmcache", "--lmcache-config-file"),
  },
};

/** `python3 -m sglang.launch_server`, with its metrics and its report of cached tokens on. */
export function sglang(options: SglangOptions): Engine {
  checkServed("sglang()", options, rules, flags);
  checkOptions("sglang(): hiCache", options.hiCache ?? {}, Object.keys(hiCacheRules), hiCacheRules);
  const { lmcache, hiCache } = options;
  if (lmcache === undefined) return sglangAlone(options);
  if (hiCache !== undefined) {
    throw new HarnessError("usage", "sglang(): hiCache and lmcache both keep KV cache beside it", { hint: "give one of them" });
  }
  return withSglangLmcache(sglangAlone(options), lmcache, {
    flags,
    prefixCaching: prefixCaching(options),
    pageTokens: pageSize(options),
  });
}

function sglangAlone(options: SglangOptions): Engine {
  const { model, servedName = model, contextLength } = options;
  const { contextLimit: usualLimit } = optionsSaid(options.extraArgs ?? [], flags).has("contextLength") ? {} : modelPreset(model);
  return {
    kind: "sglang",
    model,
    simulated: false,
    gpus: options.tensorParallel ?? 1,
    gpuShare: options.memFractionStatic ?? defaultFraction,
    launch: launchFrom("sglang()", options, {
      program: flags.program,
      args: ({ port }, host, { program }) => serveArguments(options, { host, port, program }),
      flags,
      package: "sglang",
      env: temporaryFiles,
      // Its /health has a token generated where nothing is under way.
      ready: { path: "/health", watched: "/v1/models", within: 600 },
      missing: `install SGLang (pip install "sglang[all]"), or say where it is: venv: "/path", image: "lmsysorg/sglang:latest"`,
      reads: model,
    }),
    wire: { api: "completions", model: servedName, takesTokenIds: true, tokenIdOffset, fixesLength: true, leavesOutZeros: true },
    features: [...installationFeatures(options), ...featuresOf(options)],
    configFiles: [],
    metrics: sglangMetrics,
    tokenizer: [vllmTokenizer],
    info: sglangInfo,
    claims: () => sglangClaims(options),
    // It refuses while a request is not quite done with, unless it may wait.
    resets: { paths: ["/flush_cache?timeout=5"] },
    ...(options.hiCache === undefined ? { simulation: (gpu: string): SimulationOptions => simulationOf(options, gpu) } : {}),
    simulatedWithout: () => {
      const { dtype, chunkedPrefillSize: size = -1, extraArgs = [] } = options;
      return notSimulated(dtype, size >= 0 && chunkedPrefill(size), ...flagsIn(extraArgs));
    },
    ...(contextLength === undefined ? {} : { contextLimit: contextLength }),
    ...(usualLimit === undefined ? {} : { usualLimit }),
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly program: InstalledProgram | undefined;
}

function serveArguments(options: SglangOptions, { host, port, program }: Place): readonly string[] {
  return [
    "-m",
    "sglang.launch_server",
    ...valued("--model-path", options.model),
    ...valued("--host", host),
    ...valued("--port", port),
    ...valued("--served-model-name", options.servedName),
    ...valued("--tp-size", options.tensorParallel),
    ...valued("--mem-fraction-static", options.memFractionStatic),
    ...valued("--context-length", options.contextLength),
    ...present("--disable-radix-cache", options.prefixCaching === false),
    ...valued("--chunked-prefill-size", options.chunkedPrefillSize),
    ...valued("--max-running-requests", options.maxRunningRequests),
    ...valued("--dtype", options.dtype),
    ...valued("--load-format", options.loadFormat),
    ...present("--trust-remote-code", options.trustRemoteCode),
    ...hiCacheArguments(options.hiCache),
    ...ifKnown(program, "--enable-metrics"),
    // Without it the usage says nothing of cached tokens.
    ...ifKnown(program, "--enable-cache-report"),
    ...(options.extraArgs ?? []),
  ];
}

function hiCacheArguments(hiCache: HiCacheOptions | undefined): readonly string[] {
  if (hiCache === undefined) return [];
  return [
    "--enable-hierarchical-cache",
    ...valued("--hicache-ratio", hiCache.ratio),
    ...valued("--hicache-size", hiCache.gigabytes),
    ...valued("--hicache-write-policy", hiCache.writePolicy),
    ...valued("--hicache-storage-backend", hiCache.storage),
  ];
}

function featuresOf(options: SglangOptions): readonly string[] {
  const { tensorParallel = 1, prefixCaching, memFractionStatic, contextLength, chunkedPrefillSize, maxRunningRequests } = options;
  const { dtype, loadFormat, hiCache } = options;
  return [
    ...(tensorParallel === 1 ? [] : [`tensor parallel on ${tensorParallel} GPUs`]),
    ...(prefixCaching === undefined ? [] : [`prefix caching ${prefixCaching ? "on" : "off"}`]),
    ...(chunkedPrefillSize === undefined ? [] : [chunkedPrefill(chunkedPrefillSize)]),
    ...(memFractionStatic === undefined ? [] : [`${memFractionStatic} of GPU memory for weights and KV cache`]),
    ...(contextLength === undefined ? [] : [`at most ${grouped(contextLength)} tokens`]),
    ...(maxRunningRequests === undefined ? [] : [`at most ${grouped(maxRunningRequests)} sequences at once`]),
    ...(dtype === undefined ? [] : [dtype]),
    ...(loadFormat === undefined ? [] : [loadFormat === "dummy" ? "dummy weights" : `weights loaded as ${loadFormat}`]),
    ...(hiCache === undefined ? [] : [hiCacheInWords(hiCache)]),
    ...flagsIn(options.extraArgs ?? []),
  ];
}

function chunkedPrefill(size: number): string {
  return size < 0 ? "chunked prefill off" : `prefill in pieces of ${grouped(size)} tokens`;
}

function hiCacheInWords({ ratio = 2, gigabytes, storage }: HiCacheOptions): string {
  const memory = gigabytes === undefined ? `${ratio} times the GPU's pool` : `${gigabytes} GB`;
  return `HiCache, KV cache in CPU memory, ${memory}${storage === undefined ? "" : `, and in ${storage}`}`;
}

function simulationOf(options: SglangOptions, gpu: string): SimulationOptions {
  return {
    model: options.model,
    gpu,
    tensorParallel: options.tensorParallel ?? 1,
    gpuMemoryUtilization: options.memFractionStatic ?? defaultFraction,
    prefixCaching: options.prefixCaching ?? true,
    chunkedPrefill: (options.chunkedPrefillSize ?? 0) >= 0,
    ...(options.maxRunningRequests === undefined ? {} : { maxSequences: options.maxRunningRequests }),
    timeScale: 1,
  };
}
