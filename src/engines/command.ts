import {
  bodyFields,
  checkOptions,
  checkTogether,
  listOfTexts,
  nonEmptyText,
  notNegative,
  share,
  wholeNumber,
  yesOrNo,
  type OptionRule,
} from "../model/checkOptions.ts";
import type { Engine, Slot } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { most } from "../model/most.ts";
import { flagsIn } from "./flags.ts";
import {
  installationFeatures,
  installationRules,
  launchFrom,
  refuseGpuVariables,
  tokenIdOffset,
  type InstallationOptions,
} from "./installation.ts";
import { anyInfo } from "./serverInfo.ts";
import { llamaCppTokenizer, vllmTokenizer } from "./tokenizers.ts";

export interface CommandOptions extends InstallationOptions {
  /** A name on the PATH or a path; with an image, what runs inside it. */
  readonly program: string;
  /** Its arguments, with {port}, {model} and {directory} where they belong. The last is a directory of this engine's own. */
  readonly args?: readonly string[];
  readonly model: string;
  /** Answers 200 once it is up. /v1/models unless said. */
  readonly readyPath?: string;
  /** What requests call the model; the only one it lists unless said. */
  readonly servedName?: string;
  /** chat unless said. */
  readonly api?: "chat" | "completions";
  /** Prompts go out as token ids, so that their lengths are exact; with api: "completions". */
  readonly tokenIds?: boolean;
  /** It takes `ignore_eos` and `min_tokens`, so that every answer has the same length. */
  readonly fixesLength?: boolean;
  /** False where /v1/models does not tell what it serves; with a servedName. */
  readonly listsModels?: boolean;
  readonly apiKey?: string;
  /** Fields added to the body of every request, beside those that Tandem sets itself. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
  /** 0 hides those that are here; where nothing is said it sees those that we see. */
  readonly gpus?: number;
  /** Of each GPU's memory. 1 unless said. */
  readonly gpuShare?: number;
  readonly contextLimit?: number;
  /** Said when the program is not there. */
  readonly missing?: string;
}

const rules: Readonly<Record<keyof CommandOptions, OptionRule>> = {
  ...installationRules,
  program: nonEmptyText,
  args: listOfTexts,
  model: nonEmptyText,
  readyPath: (value) => (typeof value === "string" && value.startsWith("/") ? undefined : 'must be a path such as "/health"'),
  servedName: nonEmptyText,
  api: (value) => (value === "chat" || value === "completions" ? undefined : 'must be "chat" or "completions"'),
  tokenIds: yesOrNo,
  fixesLength: yesOrNo,
  listsModels: yesOrNo,
  apiKey: nonEmptyText,
  extraBody: bodyFields,
  gpus: (value) => notNegative(value) ?? wholeNumber({ from: 0, to: most.gpus })(value),
  gpuShare: share,
  contextLimit: wholeNumber({ from: 1 }),
  missing: nonEmptyText,
};

/** Any program that serves an OpenAI-compatible API: what it is started with, and how it is spoken to. */
export function command(options: CommandOptions): Engine {
  const shown = { ...options, apiKey: options.apiKey === undefined ? undefined : "***" };
  checkOptions("command()", shown, Object.keys(rules), rules, ["program", "model"]);
  checkTogether(
    () => refuseContradictions(options),
    () => refuseGpuVariables("command()", options),
  );
  const { program, args = [], env = {}, model, image, gpus = 0, readyPath = "/v1/models", contextLimit } = options;
  const name = program.split("/").at(-1) ?? program;
  const { program: _itself, env: _withPlaceholders, ...elsewhere } = options;
  const filled = (text: string, slot: Slot) => fill(text, { port: String(slot.port), model, directory: slot.directory });
  return {
    kind: name,
    model,
    simulated: false,
    // Where nobody has said, an engine made of this one still can.
    ...(options.gpus === undefined ? {} : { gpus }),
    gpuShare: gpus === 0 ? 0 : (options.gpuShare ?? 1),
    launch: launchFrom("command()", elsewhere, {
      program,
      args: (slot) => args.map((argument) => filled(argument, slot)),
      env: (slot) => Object.fromEntries(Object.entries(env).map(([variable, text]) => [variable, filled(text, slot)])),
      ready: { path: readyPath, within: 600 },
      missing: options.missing ?? `install it, or say where it is: program: "/path/to/${name}"`,
    }),
    wire: wireOf(options),
    features: [...installationFeatures(image === undefined ? {} : { image }), ...flagsIn(args)],
    configFiles: [],
    tokenizer: [vllmTokenizer, llamaCppTokenizer],
    info: anyInfo,
    ...(contextLimit === undefined ? {} : { contextLimit }),
  };
}

function refuseContradictions({ args = [], env = {}, tokenIds, api, listsModels, servedName }: CommandOptions): void {
  if (![...args, ...Object.values(env)].some((text) => text.includes("{port}"))) {
    throw new HarnessError("usage", "command(): nothing says {port}, so it cannot be told where to listen", {
      hint: 'args: ["--port", "{port}"]',
    });
  }
  if (tokenIds === true && api !== "completions") {
    throw new HarnessError("usage", 'command(): tokenIds needs api: "completions"', { hint: "chat takes text only" });
  }
  if (listsModels === false && servedName === undefined) {
    throw new HarnessError("usage", "command(): with listsModels: false the model's name in requests must be said", {
      hint: 'servedName: "name"',
    });
  }
}

/** Other braces stay: arguments may hold JSON. */
function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(port|model|directory)\}/g, (_placeholder, name: string) => values[name] ?? "");
}

function wireOf({ api = "chat", tokenIds = false, fixesLength = false, ...options }: CommandOptions): Engine["wire"] {
  const { servedName, listsModels, apiKey, extraBody } = options;
  return {
    api,
    takesTokenIds: tokenIds,
    tokenIdOffset: tokenIds ? tokenIdOffset : 0,
    fixesLength,
    ...(servedName === undefined ? {} : { model: servedName }),
    ...(listsModels === undefined ? {} : { listsModels }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(extraBody === undefined ? {} : { extraBody }),
  };
}
