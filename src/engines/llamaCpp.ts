import { listOfTexts, nonEmptyText, wholeNumber, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import type { CacheResets, Engine, EngineClaims, EngineMetrics, InstalledProgram, Slot } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import { flagsIn, ifKnown, named, saidByTandem, valued, type FlagRules } from "./flags.ts";
import { checkServed } from "./furtherArguments.ts";
import { installationFeatures, installationRules, launchFrom, modelName, tokenIdOffset, type InstallationOptions } from "./installation.ts";
import { llamaCppInfo } from "./serverInfo.ts";
import { llamaCppTokenizer } from "./tokenizers.ts";

export interface LlamaCppOptions extends InstallationOptions {
  /** The absolute path of a .gguf file, or a repository on the model hub: "owner/name" or "owner/name:quantisation". */
  readonly model: string;
  /** Of each sequence: the server is given as many times that as there are sequences at once. */
  readonly contextLimit?: number;
  /** Sequences at once. 4 unless said. */
  readonly parallel?: number;
  /** Layers on the GPU; 0 for none. */
  readonly gpuLayers?: number;
  /** GPUs it needs: 1 unless no layer is on one. */
  readonly gpus?: number;
  readonly threads?: number;
  /** False computes every prompt anew. */
  readonly prefixCaching?: boolean;
  readonly flashAttention?: boolean;
  readonly servedName?: string;
  readonly extraArgs?: readonly string[];
}

const rules: Readonly<Record<keyof LlamaCppOptions, OptionRule>> = {
  ...installationRules,
  model: modelName,
  contextLimit: wholeNumber({ from: 1 }),
  parallel: wholeNumber({ from: 1, to: 4_096 }),
  gpuLayers: wholeNumber({ from: 0 }),
  gpus: wholeNumber({ from: 0, to: most.gpus }),
  threads: wholeNumber({ from: 1 }),
  prefixCaching: yesOrNo,
  flashAttention: yesOrNo,
  servedName: nonEmptyText,
  extraArgs: listOfTexts,
};

const flags: FlagRules = {
  engine: "llama.cpp",
  program: "llama-server",
  lists: [["--help"]],
  underscores: true,
  saidBy: {
    ...named("model", "--model", "-m", "--hf-repo", "-hf", "-hfr", "--model-url", "-mu"),
    "--port": saidByTandem.port,
    ...named(saidByTandem.address, "--host", "--api-prefix", "--ssl-key-file", "--ssl-cert-file"),
    ...named(saidByTandem.apiKey, "--api-key", "--api-key-file"),
    ...named("servedName", "--alias", "-a"),
    ...named("contextLimit, of one sequence", "--ctx-size", "-c"),
    ...named("parallel", "--parallel", "-np"),
    ...named("gpuLayers", "--n-gpu-layers", "--gpu-layers", "-ngl"),
    ...named("prefixCaching", "--cache-prompt", "--no-cache-prompt"),
  },
  eitherWay: {
    ...named("threads", "--threads", "-t"),
    ...named("flashAttention", "--flash-attn", "-fa"),
  },
};

/** `llama-server`. Its port is always said: 8080 is everybody's. */
export function llamaCpp(options: LlamaCppOptions): Engine {
  checkServed("llamaCpp()", options, rules, flags);
  const { model, servedName, contextLimit, prefixCaching, gpuLayers } = options;
  const gpus = options.gpus ?? (gpuLayers === 0 ? 0 : 1);
  return {
    kind: "llama.cpp",
    model,
    simulated: false,
    gpus,
    gpuShare: gpus === 0 ? 0 : 1,
    launch: launchFrom("llamaCpp()", options, {
      program: flags.program,
      args: (slot, host, { program }) => serveArguments(options, host, slot, program),
      isEntrypoint: true,
      ready: { path: "/health", within: 600 },
      missing: `install llama.cpp (brew install llama.cpp, or its releases), or say where it is: program: "/path/to/llama-server"`,
      flags,
      reads: model,
    }),
    wire: {
      api: "completions",
      ...(servedName === undefined ? {} : { model: servedName }),
      takesTokenIds: true,
      tokenIdOffset,
      // It knows ignore_eos; min_tokens it passes over.
      fixesLength: true,
      // Prompt caching is asked for request by request.
      ...(prefixCaching === undefined ? {} : { extraBody: { cache_prompt: prefixCaching } }),
    },
    features: [...installationFeatures(options), ...featuresOf(options)],
    configFiles: [],
    metrics: llamaCppMetrics,
    tokenizer: [llamaCppTokenizer],
    info: [llamaCppInfo],
    claims: () => claimsOf(options),
    resets: resetsOf(options),
    ...(contextLimit === undefined ? {} : { contextLimit }),
  };
}

const defaultParallel = 4;

function serveArguments(options: LlamaCppOptions, host: string, { port, directory }: Slot, program?: InstalledProgram): readonly string[] {
  const { model, contextLimit, parallel = defaultParallel, prefixCaching, flashAttention } = options;
  return [
    ...(model.startsWith("/") ? valued("--model", model) : valued("--hf-repo", model)),
    ...valued("--host", host),
    ...valued("--port", port),
    ...valued("--alias", options.servedName),
    ...valued("--ctx-size", contextLimit === undefined ? undefined : contextLimit * parallel),
    ...valued("--parallel", parallel),
    ...valued("--n-gpu-layers", options.gpuLayers),
    ...valued("--threads", options.threads),
    ...valued("--flash-attn", flashAttention === undefined ? undefined : flashAttention ? "on" : "off"),
    // What no request asks for would be kept all the same: a prompt's KV cache is copied to CPU memory when another takes its place.
    ...(prefixCaching === false ? [...ifKnown(program, "--no-cache-prompt"), ...ifKnown(program, "--cache-ram", "0")] : []),
    // Without a place to save them in, its caches cannot be emptied either.
    ...ifKnown(program, "--slot-save-path", directory),
    "--metrics",
    ...(options.extraArgs ?? []),
  ];
}

function featuresOf({
  contextLimit,
  parallel = defaultParallel,
  gpuLayers,
  threads,
  prefixCaching,
  ...options
}: LlamaCppOptions): readonly string[] {
  return [
    `at most ${grouped(parallel)} sequences at once`,
    ...(contextLimit === undefined ? [] : [`at most ${grouped(contextLimit)} tokens`]),
    ...(gpuLayers === undefined ? [] : [gpuLayers === 0 ? "on the CPU" : `${gpuLayers} layers on the GPU`]),
    ...(threads === undefined ? [] : [`${threads} ${threads === 1 ? "thread" : "threads"}`]),
    ...(prefixCaching === undefined ? [] : [`prefix caching ${prefixCaching ? "on" : "off"}`]),
    ...(options.flashAttention === undefined ? [] : [`flash attention ${options.flashAttention ? "on" : "off"}`]),
    ...flagsIn(options.extraArgs ?? []),
  ];
}

/** What `llama-server` says of itself once it is up. */
function claimsOf({ contextLimit, prefixCaching = true }: LlamaCppOptions): EngineClaims {
  const wanted = contextLimit === undefined ? {} : { wanted: `${Math.ceil(contextLimit / contextStep) * contextStep} tokens` };
  return {
    traits: [{ what: "context limit", from: { kind: "fact", name: "context limit" }, ...wanted }],
    // Found again to the token, by models that attend to all of what came before.
    reuse: { own: prefixCaching, external: false, ownPiece: 1 },
  };
}

/** A context is made so much longer that it is a multiple of this. */
const contextStep = 256;

/** One sequence's after the other. What it has copied to CPU memory it cannot forget, so nothing is copied where its caches are to be emptied. */
function resetsOf({ parallel = defaultParallel }: LlamaCppOptions): CacheResets {
  const paths = Array.from({ length: parallel }, (_, slot) => `/slots/${slot}?action=erase`);
  return { paths, env: { LLAMA_ARG_CACHE_RAM: "0" } };
}

export const llamaCppMetrics: EngineMetrics = {
  path: "/metrics",
  series: {
    "running-requests": [{ name: "llamacpp:requests_processing" }],
    "waiting-requests": [{ name: "llamacpp:requests_deferred" }],
    // Of older versions.
    "kv-usage-share": [{ name: "llamacpp:kv_cache_usage_ratio" }],
    "computed-prompt-tokens-total": [{ name: "llamacpp:prompt_tokens_total" }],
    // Of newer ones.
    "prefix-hit-tokens-total": [{ name: "llamacpp:prompt_tokens_cached_total" }],
    "generation-tokens-total": [{ name: "llamacpp:tokens_predicted_total" }],
  },
};
