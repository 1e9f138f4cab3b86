import { listOfTexts, nonEmptyText, share, wholeNumber, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, InstalledProgram, SimulationOptions } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import { flagsIn, ifKnown, switched, valued } from "./flags.ts";
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
import { modelPreset, type ModelPreset } from "./models.ts";
import { notSimulated } from "./notSimulated.ts";
import { vllmTokenizer } from "./tokenizers.ts";
import { connectsByHand, vllmClaims } from "./vllmClaims.ts";
import { inWordsOf, vllmFlags } from "./vllmFlags.ts";
import { vllmMetrics } from "./vllmMetrics.ts";

export interface VllmOptions extends InstallationOptions {
  /** A name on the model hub, or the absolute path of a directory. */
  readonly model: string;
  readonly tensorParallel?: number;
  /** GPUs it needs: as many as `tensorParallel` unless said. 0 for vLLM's build for CPUs. */
  readonly gpus?: number;
  readonly gpuMemoryUtilization?: number;
  readonly prefixCaching?: boolean;
  readonly chunkedPrefill?: boolean;
  readonly maxModelLen?: number;
  readonly maxNumSeqs?: number;
  readonly dtype?: string;
  /** "dummy" starts without weights. */
  readonly loadFormat?: string;
  /** What requests call the model; its name or path unless said. */
  readonly servedName?: string;
  readonly trustRemoteCode?: boolean;
  readonly enforceEager?: boolean;
  /** Further arguments, as the command line has them; they come last. None that an option or Tandem itself says. */
  readonly extraArgs?: readonly string[];
}

const rules: Readonly<Record<keyof VllmOptions, OptionRule>> = {
  ...installationRules,
  model: modelName,
  tensorParallel: wholeNumber({ from: 1, to: most.gpus }),
  gpus: wholeNumber({ from: 0, to: most.gpus }),
  gpuMemoryUtilization: share,
  prefixCaching: yesOrNo,
  chunkedPrefill: yesOrNo,
  maxModelLen: wholeNumber({ from: 1 }),
  maxNumSeqs: wholeNumber({ from: 1 }),
  dtype: nonEmptyText,
  loadFormat: nonEmptyText,
  servedName: nonEmptyText,
  trustRemoteCode: yesOrNo,
  enforceEager: yesOrNo,
  extraArgs: listOfTexts,
};

/** What vLLM takes of a GPU's memory when it is not told. */
const defaultUtilization = 0.92;

/** `vllm serve`, with the flags that are asked for and those its model needs. */
export function vllm(options: VllmOptions): Engine {
  checkServed("vllm()", options, rules, vllmFlags);
  const { contextLimit: usualLimit, ...preset } = presetOf(options);
  const settled: VllmOptions = { ...preset, ...options };
  const { maxModelLen } = settled;
  const { model, servedName = model, gpus = settled.tensorParallel ?? 1 } = settled;
  return {
    kind: "vllm",
    model,
    simulated: false,
    gpus,
    gpuShare: gpus === 0 ? 0 : (settled.gpuMemoryUtilization ?? defaultUtilization),
    // "Free memory on device … is less than desired GPU memory utilization"
    needsItsShare: gpus > 0,
    launch: launchFrom("vllm()", settled, {
      program: vllmFlags.program,
      args: ({ port }, host, { program }) => inWordsOf(program, serveArguments(settled, { host, port, program })),
      // Its ZeroMQ sockets, and LMCache's, go where this says.
      env: (slot) => ({ ...temporaryFiles(slot), ...(slot.temporary === undefined ? {} : { VLLM_RPC_BASE_PATH: slot.temporary }) }),
      ready: { path: "/health", within: 600 },
      missing: `install vLLM (pip install vllm, on a machine with a GPU it supports), or say where it is: program: "/path/to/vllm", venv: "/path", image: "vllm/vllm-openai:v0.24.0"; --simulate runs without it`,
      flags: vllmFlags,
      reads: model,
    }),
    wire: { api: "completions", model: servedName, takesTokenIds: true, tokenIdOffset, fixesLength: true },
    features: [...installationFeatures(settled), ...featuresOf(settled)],
    configFiles: [],
    takesKvConnector: !connectsByHand(options),
    simulation: (gpu) => simulationOf(settled, gpu),
    simulatedWithout: () =>
      notSimulated(settled.dtype, settled.enforceEager === true && "no CUDA graphs", ...flagsIn(settled.extraArgs ?? [])),
    ...(maxModelLen === undefined ? {} : { contextLimit: maxModelLen }),
    ...(usualLimit === undefined ? {} : { usualLimit }),
    metrics: vllmMetrics,
    tokenizer: [vllmTokenizer],
    claims: () => vllmClaims(settled),
    resets: vllmResets,
  };
}

/** Less what further arguments say. */
function presetOf({ model, extraArgs = [] }: VllmOptions): ModelPreset {
  const said = optionsSaid(extraArgs, vllmFlags);
  const replaced = (option: string) => said.has(option === "contextLimit" ? "maxModelLen" : option);
  return Object.fromEntries(Object.entries(modelPreset(model)).filter(([option]) => !replaced(option)));
}

/** It answers 200 whether it worked or not, so what it did is verified by asking. */
const vllmResets = {
  paths: ["/reset_prefix_cache?reset_external=true"],
  own: "/reset_prefix_cache",
  env: { VLLM_SERVER_DEV_MODE: "1" },
};

interface Place {
  readonly host: string;
  readonly port: number;
  readonly program: InstalledProgram | undefined;
}

function serveArguments(options: VllmOptions, { host, port, program }: Place): readonly string[] {
  return [
    "serve",
    options.model,
    ...valued("--host", host),
    ...valued("--port", port),
    ...valued("--served-model-name", options.servedName),
    ...valued("--gpu-memory-utilization", options.gpuMemoryUtilization),
    ...valued("--tensor-parallel-size", options.tensorParallel),
    ...switched("trust-remote-code", options.trustRemoteCode),
    ...switched("enable-prefix-caching", options.prefixCaching),
    ...switched("enable-chunked-prefill", options.chunkedPrefill),
    ...valued("--max-model-len", options.maxModelLen),
    ...valued("--max-num-seqs", options.maxNumSeqs),
    ...valued("--dtype", options.dtype),
    ...valued("--load-format", options.loadFormat),
    ...switched("enforce-eager", options.enforceEager),
    // Without it the usage says nothing of cached tokens.
    ...ifKnown(program, "--enable-prompt-tokens-details"),
    ...(options.extraArgs ?? []),
  ];
}

function featuresOf(options: VllmOptions): readonly string[] {
  const { tensorParallel = 1, prefixCaching, chunkedPrefill, gpuMemoryUtilization, maxModelLen, maxNumSeqs, dtype, loadFormat } = options;
  return [
    ...(tensorParallel === 1 ? [] : [`tensor parallel on ${tensorParallel} GPUs`]),
    ...(prefixCaching === undefined ? [] : [`prefix caching ${prefixCaching ? "on" : "off"}`]),
    ...(chunkedPrefill === undefined ? [] : [`chunked prefill ${chunkedPrefill ? "on" : "off"}`]),
    ...(gpuMemoryUtilization === undefined ? [] : [`GPU memory utilization ${gpuMemoryUtilization}`]),
    ...(maxModelLen === undefined ? [] : [`at most ${grouped(maxModelLen)} tokens`]),
    ...(maxNumSeqs === undefined ? [] : [`at most ${grouped(maxNumSeqs)} sequences at once`]),
    ...(dtype === undefined ? [] : [dtype]),
    ...(loadFormat === undefined ? [] : [loadFormat === "dummy" ? "dummy weights" : `weights loaded as ${loadFormat}`]),
    ...(options.enforceEager === true ? ["no CUDA graphs"] : []),
    ...flagsIn(options.extraArgs ?? []),
  ];
}

function simulationOf(options: VllmOptions, gpu: string): SimulationOptions {
  return {
    model: options.model,
    gpu,
    tensorParallel: options.tensorParallel ?? 1,
    gpuMemoryUtilization: options.gpuMemoryUtilization ?? defaultUtilization,
    prefixCaching: options.prefixCaching ?? true,
    chunkedPrefill: options.chunkedPrefill ?? true,
    ...(options.maxNumSeqs === undefined ? {} : { maxSequences: options.maxNumSeqs }),
    timeScale: 1,
  };
}
