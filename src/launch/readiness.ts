import { EventScanner } from "../http/eventScanner.ts";
import type { Engine, Wire } from "../model/engine.ts";
import type { Seconds } from "../model/time.ts";
import { ask, type Answer, type Server } from "./ask.ts";

/** What a server has shown of itself by answering. */
export type Standing =
  | { readonly kind: "proven"; readonly servedModel: string; readonly facts: Readonly<Record<string, string>> }
  /** It may still come up. */
  | NotYet
  /** Waiting will not help. */
  | { readonly kind: "never"; readonly because: "access" | "model" | "request"; readonly why: string; readonly hint: string };

interface NotYet {
  readonly kind: "notYet";
  readonly waitingFor: string;
  readonly status?: number;
  readonly cause?: unknown;
  /** It has answered everything but the completion. */
  readonly hasAnswered?: boolean;
}

export interface Asking {
  readonly readyPath: string;
  /** For each question but the completion, which may take as long as is left. */
  readonly each: Seconds;
  readonly left: Seconds;
  readonly signal: AbortSignal;
}

/** Asks a server, in this order: is it healthy, which models has it, does it complete a prompt by one token. */
export async function standing(server: Server, engine: Engine, asking: Asking): Promise<Standing> {
  const chosen = await choice(server, engine, asking);
  if (chosen.kind !== "chosen") return chosen;
  const completion = await complete(server, engine.wire, chosen.model, asking);
  if (completion.kind !== "completed") return completion;
  const told = await toldBy(server, engine, asking);
  return {
    kind: "proven",
    servedModel: chosen.model,
    facts: { ...told, ...(await factsOf(server, { ...chosen, ...completion }, told, asking)) },
  };
}

/** The first two of these questions, which no load makes slow: the model that would be measured. */
export async function choice(server: Server, { wire }: Engine, asking: Omit<Asking, "left">): Promise<Choice> {
  const health = await reply(server, asking.readyPath, asking);
  return health.kind === "answer" ? served(server, wire, asking) : health;
}

async function served(server: Server, wire: Wire, asking: Omit<Asking, "left">): Promise<Choice> {
  if (wire.listsModels === false && wire.model !== undefined) return { kind: "chosen", model: wire.model };
  const models = await reply(server, "/v1/models", asking, wire.model === undefined ? [] : noSuchPath);
  return models.kind === "answer" ? chooseModel(models.answer, wire) : models;
}

/** Some servers have no list of models; that is well when the author has named one. */
const noSuchPath = [404, 405, 501];

type Reply = { readonly kind: "answer"; readonly answer: Answer } | Exclude<Standing, { kind: "proven" }>;

async function reply(
  server: Server,
  path: string,
  { each, signal }: Pick<Asking, "each" | "signal">,
  alsoFine: readonly number[] = [],
  body?: unknown,
): Promise<Reply> {
  let answer: Answer;
  try {
    answer = await ask(server, { path, within: each, signal, ...(body === undefined ? {} : { body }) });
  } catch (cause) {
    const how = isLate(cause) ? `within ${Number(each.toFixed(1))} s` : `(${reason(cause)})`;
    return { kind: "notYet", waitingFor: `${path} does not answer ${how}`, cause };
  }
  if (answer.status === 200 || alsoFine.includes(answer.status)) return { kind: "answer", answer };
  return refusal(server, path, answer, body !== undefined);
}

function refusal(
  { apiKey }: Server,
  path: string,
  { status, text, location }: Answer,
  asksForWork: boolean,
): Exclude<Standing, { kind: "proven" }> {
  if (status === 401 || status === 403) {
    const why =
      apiKey === undefined ? `it wants an API key (${path} answers ${status})` : `it refuses the API key (${path} answers ${status})`;
    return {
      kind: "never",
      because: "access",
      why,
      hint: "give the engine its key: apiKey: process.env.MY_KEY in a test file, --api-key-env MY_KEY with --attach",
    };
  }
  const leads = location === undefined ? "" : ` and leads to ${inOneLine(location)}`;
  const said = `${path} answers ${status}${leads}${saidIn(text)}`;
  if (asksForWork && (status === 400 || status === 422)) {
    return {
      kind: "never",
      because: "request",
      why: said,
      hint: "it does not take our requests: look at the engine's api (chat or completions), its model and its extraBody",
    };
  }
  return { kind: "notYet", waitingFor: said, status };
}

/** A page by its title, anything else whole: an error's code may matter as much as its message. */
function saidIn(text: string): string {
  const title = /^\s*<(!doctype|html)\b/i.test(text) ? (/<title[^>]*>([^<]*)/i.exec(text)?.[1] ?? "a page") : text;
  return title.trim() === "" ? "" : `: ${inOneLine(title)}`;
}

type Choice = { readonly kind: "chosen"; readonly model: string; readonly contextLimit?: number } | Exclude<Standing, { kind: "proven" }>;

function chooseModel(answer: Answer, { model }: Wire): Choice {
  const listed = answer.status === 200 ? parseModels(answer.text) : [];
  const names = listed.map(({ id }) => id).join(", ");
  if (model === undefined) {
    const [only, another] = listed;
    if (only === undefined) return { kind: "notYet", waitingFor: "/v1/models lists no model" };
    if (another === undefined) return { kind: "chosen", model: only.id, ...limitOf(only) };
    return {
      kind: "never",
      because: "model",
      why: `it serves several models: ${names}`,
      hint: `name the one to measure: model: "${only.id}"`,
    };
  }
  const wanted = listed.find(({ id }) => id === model);
  if (wanted !== undefined) return { kind: "chosen", model, ...limitOf(wanted) };
  if (listed.length === 0) return { kind: "chosen", model };
  return {
    kind: "never",
    because: "model",
    why: `it does not serve ${model}, but ${names}`,
    hint: `ask for a model it has: model: "${listed[0]?.id ?? ""}"`,
  };
}

interface ListedModel {
  readonly id: string;
  readonly contextLimit?: number;
}

function limitOf({ contextLimit }: ListedModel): { contextLimit?: number } {
  return contextLimit === undefined ? {} : { contextLimit };
}

function parseModels(text: string): readonly ListedModel[] {
  const { data } = parseObject(text);
  if (!Array.isArray(data)) return [];
  return data.flatMap((model: unknown): ListedModel[] => {
    if (typeof model !== "object" || model === null || !("id" in model) || typeof model.id !== "string") return [];
    const limit = contextLimitIn(model);
    return [{ id: model.id, ...(limit === undefined ? {} : { contextLimit: limit }) }];
  });
}

/** As vLLM tells it, or as llama.cpp does: of one sequence, not of all that it has room for. */
function contextLimitIn(model: object): number | undefined {
  const meta = "meta" in model && typeof model.meta === "object" && model.meta !== null ? model.meta : {};
  const limit = "max_model_len" in model ? model.max_model_len : "n_ctx" in meta ? meta.n_ctx : undefined;
  return typeof limit === "number" ? limit : undefined;
}

type Completion = { readonly kind: "completed"; readonly fingerprint?: string } | Exclude<Standing, { kind: "proven" }>;

async function complete(server: Server, wire: Wire, model: string, asking: Asking): Promise<Completion> {
  const path = wire.api === "chat" ? "/v1/chat/completions" : "/v1/completions";
  const prompt = wire.api === "chat" ? { messages: [{ role: "user", content: "Hello" }] } : { prompt: "Hello" };
  // Without a stream, options of one are a mistake.
  const body = { temperature: 0, ...wire.extraBody, model, ...prompt, max_tokens: 1, stream: false, stream_options: undefined };
  const completion = await reply(server, path, { ...asking, each: asking.left }, [], body);
  if (completion.kind === "notYet") return { ...completion, hasAnswered: true };
  if (completion.kind === "never") return completion;
  const { choices, system_fingerprint: fingerprint } = completionIn(completion.answer.text);
  if (Array.isArray(choices) && choices.length > 0)
    return { kind: "completed", ...(typeof fingerprint === "string" ? { fingerprint } : {}) };
  return { kind: "notYet", waitingFor: `${path} answers without a choice: ${inOneLine(completion.answer.text)}`, hasAnswered: true };
}

/** What is only good to know is not waited for longer. */
const brief: Seconds = 2;

/** What it says of itself to the first of its engine's questions that it answers. */
async function toldBy(server: Server, { info = [] }: Engine, asking: Asking): Promise<Readonly<Record<string, string>>> {
  for (const { path, facts } of info) {
    const answer = await reply(server, path, { ...asking, each: Math.min(asking.each, brief) });
    const told = answer.kind === "answer" ? facts(parseObject(answer.answer.text)) : {};
    if (Object.keys(told).length > 0) return told;
  }
  return {};
}

async function factsOf(
  server: Server,
  { model, contextLimit, fingerprint }: { model: string; contextLimit?: number; fingerprint?: string },
  info: Readonly<Record<string, string>>,
  asking: Asking,
): Promise<Readonly<Record<string, string>>> {
  const answer = await reply(server, "/version", { ...asking, each: Math.min(asking.each, brief) });
  const told = answer.kind === "answer" ? parseObject(answer.answer.text)["version"] : undefined;
  // Where nothing else tells the version, each answer does: llama.cpp's build, TGI's release.
  const version = typeof told === "string" ? told : (info["version"] ?? fingerprint);
  return {
    ...(version === undefined ? {} : { version }),
    "served model": model,
    ...(contextLimit === undefined ? {} : { "context limit": `${contextLimit} tokens` }),
  };
}

/** Some servers stream whether they are asked to or not: then the first event with a choice. */
function completionIn(text: string): Readonly<Record<string, unknown>> {
  return [parseObject(text), ...eventsIn(text)].find(({ choices }) => Array.isArray(choices) && choices.length > 0) ?? {};
}

/** As replies to the load are taken apart. */
function eventsIn(text: string): readonly Readonly<Record<string, unknown>>[] {
  const found: Readonly<Record<string, unknown>>[] = [];
  const scanner = new EventScanner({
    event: (bytes, start, end) => found.push(parseObject(bytes.toString("utf8", start, end))),
    takeEvents: (_bytes, start) => start,
  });
  const bytes = Buffer.from(text);
  scanner.scan(bytes, 0, bytes.length);
  scanner.finish();
  return found;
}

/** Empty where the text is not a JSON object. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function inOneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)} …` : line;
}

/** Whether there was no answer in time, and not another one. */
export function isLate(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return cause.name === "TimeoutError" || (cause.name === "AbortError" && isLate(cause.cause));
}

export function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // A request that is aborted says so, and why only in its cause.
  if (cause.name === "AbortError" && cause.cause !== undefined) return reason(cause.cause);
  if (cause.name === "TimeoutError") return "no answer in time";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}
