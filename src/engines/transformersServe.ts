import { listOfTexts, nonEmptyText, wholeNumber, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, InstalledProgram } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import { flagsIn, present, saidByTandem, valued, type FlagRules } from "./flags.ts";
import { checkServed } from "./furtherArguments.ts";
import { installationFeatures, installationRules, launchFrom, modelName, type InstallationOptions } from "./installation.ts";

export interface TransformersServeOptions extends InstallationOptions {
  /** A name on the model hub, or the absolute path of a directory. */
  readonly model: string;
  /** Requests share steps, and prefixes: without it every prompt is computed anew. Off unless said. */
  readonly continuousBatching?: boolean;
  /** Blocks of its KV pool; without a number it takes what memory there is. */
  readonly cacheBlocks?: number;
  /** "cpu", "cuda", "auto". */
  readonly device?: string;
  readonly dtype?: string;
  readonly attention?: string;
  /** GPUs it needs: none on the CPU, else 1. */
  readonly gpus?: number;
  readonly extraArgs?: readonly string[];
}

const rules: Readonly<Record<keyof TransformersServeOptions, OptionRule>> = {
  ...installationRules,
  model: modelName,
  continuousBatching: yesOrNo,
  cacheBlocks: wholeNumber({ from: 1 }),
  device: nonEmptyText,
  dtype: nonEmptyText,
  attention: nonEmptyText,
  gpus: wholeNumber({ from: 0, to: most.gpus }),
  extraArgs: listOfTexts,
};

const flags: FlagRules = {
  engine: "transformers",
  program: "transformers",
  lists: [["serve", "--help"]],
  // Of 5.19, by its source.
  unlisted: ["--non-blocking", "--no-non-blocking"],
  saidBy: {
    "--force-model": "model",
    "--host": saidByTandem.address,
    "--port": saidByTandem.port,
    // Whether it gets a GPU hangs on it.
    "--device": "device",
  },
  eitherWay: {
    "--continuous-batching": "continuousBatching",
    "--cb-num-blocks": "cacheBlocks",
    "--dtype": "dtype",
    "--attn-implementation": "attention",
  },
};

/** `transformers serve`. It refuses fields it does not know, so answers are as long as the model makes them. */
export function transformersServe(options: TransformersServeOptions): Engine {
  checkServed("transformersServe()", options, rules, flags);
  const { model, device } = options;
  const gpus = options.gpus ?? (device === "cpu" ? 0 : 1);
  return {
    kind: "transformers serve",
    model,
    simulated: false,
    gpus,
    gpuShare: gpus === 0 ? 0 : 1,
    launch: launchFrom("transformersServe()", options, {
      program: flags.program,
      args: ({ port }, host, { program }) => [...served(model, program), ...serveArguments(options, host, port)],
      flags,
      // It answers before the model is there; the completion that proves it is then the one that loads it.
      ready: { path: "/health", within: 600 },
      missing: `install it (pip install "transformers[serving]"), or say where it is: venv: "/path"`,
      reads: model,
    }),
    // Its list of models is of what its cache holds, not of what it serves.
    wire: { api: "chat", model, listsModels: false, takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
    features: [...installationFeatures(options), ...featuresOf(options)],
    configFiles: [],
  };
}

/** 5.0 has a flag for the model, later ones take it without. */
function served(model: string, program: InstalledProgram | undefined): readonly string[] {
  return ["serve", ...(program?.flags.includes("--force-model") === true ? ["--force-model", model] : [model])];
}

function serveArguments(options: TransformersServeOptions, host: string, port: number): readonly string[] {
  return [
    ...valued("--host", host),
    ...valued("--port", port),
    ...present("--continuous-batching", options.continuousBatching),
    ...valued("--cb-num-blocks", options.cacheBlocks),
    ...valued("--device", options.device),
    ...valued("--dtype", options.dtype),
    ...valued("--attn-implementation", options.attention),
    ...(options.extraArgs ?? []),
  ];
}

function featuresOf({
  continuousBatching = false,
  cacheBlocks,
  device,
  dtype,
  attention,
  extraArgs = [],
}: TransformersServeOptions): readonly string[] {
  return [
    `continuous batching ${continuousBatching ? "on" : "off"}`,
    "answers of its own length",
    ...(cacheBlocks === undefined ? [] : [`KV pool of ${grouped(cacheBlocks)} blocks`]),
    ...(device === undefined ? [] : [`on ${device}`]),
    ...(dtype === undefined ? [] : [dtype]),
    ...(attention === undefined ? [] : [`attention by ${attention}`]),
    ...flagsIn(extraArgs),
  ];
}
