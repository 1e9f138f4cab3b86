import { listOfTexts, nonEmptyText, share, wholeNumber, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, EngineClaims, EngineMetrics, TraitClaim } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import { flagsIn, named, present, saidByTandem, valued, type FlagRules } from "./flags.ts";
import { checkServed } from "./furtherArguments.ts";
import { installationFeatures, installationRules, launchFrom, modelName, type InstallationOptions } from "./installation.ts";
import { tgiInfo } from "./serverInfo.ts";
import { tgiTokenizer } from "./tokenizers.ts";

export interface TgiOptions extends InstallationOptions {
  /** A name on the model hub, or the absolute path of a directory. */
  readonly model: string;
  /** GPUs that hold a piece of the model each. */
  readonly shards?: number;
  readonly maxInputTokens?: number;
  /** Of prompt and answer. */
  readonly maxTotalTokens?: number;
  readonly maxBatchPrefillTokens?: number;
  readonly prefixCaching?: boolean;
  /** Of the GPU's memory. */
  readonly cudaMemoryFraction?: number;
  readonly dtype?: string;
  readonly quantize?: string;
  readonly trustRemoteCode?: boolean;
  readonly extraArgs?: readonly string[];
}

const rules: Readonly<Record<keyof TgiOptions, OptionRule>> = {
  ...installationRules,
  model: modelName,
  shards: wholeNumber({ from: 1, to: most.gpus }),
  maxInputTokens: wholeNumber({ from: 1 }),
  maxTotalTokens: wholeNumber({ from: 2 }),
  maxBatchPrefillTokens: wholeNumber({ from: 1 }),
  prefixCaching: yesOrNo,
  cudaMemoryFraction: share,
  dtype: nonEmptyText,
  quantize: nonEmptyText,
  trustRemoteCode: yesOrNo,
  extraArgs: listOfTexts,
};

const flags: FlagRules = {
  engine: "TGI",
  program: "text-generation-launcher",
  lists: [["--help"]],
  saidBy: {
    "--model-id": "model",
    "--hostname": saidByTandem.address,
    ...named(saidByTandem.port, "--port", "-p"),
    "--api-key": saidByTandem.apiKey,
    ...named("shards", "--num-shard", "--sharded"),
    "--cuda-memory-fraction": "cudaMemoryFraction",
  },
  eitherWay: {
    ...named("maxInputTokens", "--max-input-tokens", "--max-input-length"),
    "--max-total-tokens": "maxTotalTokens",
    "--max-batch-prefill-tokens": "maxBatchPrefillTokens",
    "--dtype": "dtype",
    "--quantize": "quantize",
    "--trust-remote-code": "trustRemoteCode",
  },
};

/** Text Generation Inference: `text-generation-launcher`, mostly from its image, "ghcr.io/huggingface/text-generation-inference:3.3.5". */
export function tgi(options: TgiOptions): Engine {
  checkServed("tgi()", options, rules, flags);
  const { model, maxTotalTokens, prefixCaching } = options;
  return {
    kind: "tgi",
    model,
    simulated: false,
    gpus: options.shards ?? 1,
    gpuShare: options.cudaMemoryFraction ?? 1,
    launch: launchFrom("tgi()", options, {
      program: flags.program,
      args: ({ port }, host) => serveArguments(options, host, port),
      isEntrypoint: true,
      flags,
      // It has no flag for it.
      ...(prefixCaching === undefined ? {} : { env: () => ({ PREFIX_CACHING: prefixCaching ? "1" : "0" }) }),
      // Its /health has a token generated where nothing is under way.
      ready: { path: "/health", watched: "/info", within: 900 },
      missing: 'run it from its image: image: "ghcr.io/huggingface/text-generation-inference:3.3.5"',
      reads: model,
    }),
    wire: { api: "chat", model, listsModels: false, takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
    features: [...installationFeatures(options), ...featuresOf(options)],
    configFiles: [],
    metrics: tgiMetrics,
    tokenizer: [tgiTokenizer],
    info: [tgiInfo],
    claims: () => claimsOf(options),
    ...(maxTotalTokens === undefined ? {} : { contextLimit: maxTotalTokens }),
  };
}

function serveArguments(options: TgiOptions, host: string, port: number): readonly string[] {
  return [
    ...valued("--model-id", options.model),
    ...valued("--hostname", host),
    ...valued("--port", port),
    ...valued("--num-shard", options.shards),
    ...valued("--max-input-tokens", options.maxInputTokens),
    ...valued("--max-total-tokens", options.maxTotalTokens),
    ...valued("--max-batch-prefill-tokens", options.maxBatchPrefillTokens),
    ...valued("--cuda-memory-fraction", options.cudaMemoryFraction),
    ...valued("--dtype", options.dtype),
    ...valued("--quantize", options.quantize),
    ...present("--trust-remote-code", options.trustRemoteCode),
    ...(options.extraArgs ?? []),
  ];
}

function featuresOf(options: TgiOptions): readonly string[] {
  const { shards = 1, maxInputTokens, maxTotalTokens, maxBatchPrefillTokens, prefixCaching, cudaMemoryFraction, dtype, quantize } = options;
  return [
    ...(shards === 1 ? [] : [`sharded over ${shards} GPUs`]),
    "answers of its own length",
    ...(prefixCaching === undefined ? [] : [`prefix caching ${prefixCaching ? "on" : "off"}`]),
    ...(cudaMemoryFraction === undefined ? [] : [`${cudaMemoryFraction} of GPU memory`]),
    ...(maxInputTokens === undefined ? [] : [`prompts of at most ${grouped(maxInputTokens)} tokens`]),
    ...(maxTotalTokens === undefined ? [] : [`at most ${grouped(maxTotalTokens)} tokens`]),
    ...(maxBatchPrefillTokens === undefined ? [] : [`at most ${grouped(maxBatchPrefillTokens)} tokens of prefill at once`]),
    ...(dtype === undefined ? [] : [dtype]),
    ...(quantize === undefined ? [] : [`quantised: ${quantize}`]),
    ...flagsIn(options.extraArgs ?? []),
  ];
}

/** What it tells when it is asked. Its replies say nothing of cached tokens, so nothing is proven of its cache. */
function claimsOf({ maxTotalTokens, dtype }: TgiOptions): EngineClaims {
  const fact = (what: string, wanted: string | undefined): TraitClaim => ({
    what,
    from: { kind: "fact", name: what },
    ...(wanted === undefined ? {} : { wanted }),
  });
  return { traits: [fact("context limit", maxTotalTokens === undefined ? undefined : `${maxTotalTokens} tokens`), fact("dtype", dtype)] };
}

export const tgiMetrics: EngineMetrics = {
  path: "/metrics",
  series: {
    "running-requests": [{ name: "tgi_batch_current_size" }],
    "waiting-requests": [{ name: "tgi_queue_size" }],
  },
};
