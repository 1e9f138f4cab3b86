import { simulatedVersion } from "../model/simulatedVersion.ts";
import { encode, vocabularySize } from "../model/vocabulary.ts";
import type { GenerationUsage } from "./core.ts";

/** What a client is told instead of an answer, in vLLM's words. */
export interface Refusal {
  readonly status: number;
  readonly type: "BadRequestError" | "NotFoundError";
  readonly message: string;
  readonly param?: string;
}

export type Api = "chat" | "completions";

/** A completion as a client asked for it. */
export interface Wanted {
  readonly api: Api;
  readonly prompt: readonly number[];
  readonly maxOutputTokens: number;
  /** The client has set no length, so the answer ends where the model likes. */
  readonly endsByItself: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly usageInEveryEvent: boolean;
}

/** What a server must know of itself to read a request. */
export interface Serving {
  readonly servedModel: string;
  readonly contextLimit: number;
  /** Subtracted from token ids that arrive, added to those that leave. */
  readonly tokenIdOffset: number;
}

// vLLM's default for completions; for chat the model stops by itself, here after as many.
const defaultLength = { completions: 16, chat: 256 } as const;

/** Reads the body of a completion; says what is wrong with it where vLLM would. */
export function parseCompletion(api: Api, body: unknown, serving: Serving): Wanted | Refusal {
  if (!isObject(body)) return badRequest("the request's body must be a JSON object");
  const wrongModel = unknownModel(body["model"], serving);
  if (wrongModel !== undefined) return wrongModel;
  const prompt = api === "chat" ? chatPrompt(body["messages"]) : completionPrompt(body["prompt"], serving.tokenIdOffset);
  if (!Array.isArray(prompt)) return prompt;
  const asked = body["max_completion_tokens"] ?? body["max_tokens"] ?? undefined;
  if (asked !== undefined && !isCount(asked))
    return badRequest(`max_tokens must be at least 1, got ${JSON.stringify(asked)}.`, "max_tokens");
  const room = serving.contextLimit - prompt.length;
  const refusal = tooLong(prompt.length, asked ?? 1, serving.contextLimit);
  if (refusal !== undefined) return refusal;
  const usage = isObject(body["stream_options"]) ? body["stream_options"] : {};
  return {
    api,
    prompt,
    maxOutputTokens: asked ?? Math.min(defaultLength[api], room),
    endsByItself: asked === undefined && api === "chat",
    stream: body["stream"] === true,
    includeUsage: usage["include_usage"] === true,
    usageInEveryEvent: usage["include_usage"] === true && usage["continuous_usage_stats"] === true,
  };
}

/** The refusal of a prompt that leaves no room for the answer; undefined when it fits. */
export function tooLong(promptTokens: number, outputTokens: number, contextLimit: number): Refusal | undefined {
  if (promptTokens + outputTokens <= contextLimit) return undefined;
  const which =
    promptTokens >= contextLimit
      ? `your prompt contains ${promptTokens} input tokens, which exceeds this limit even without any output tokens`
      : `you requested ${outputTokens} output tokens and your prompt contains ${promptTokens} input tokens`;
  const message = `This model's maximum context length is ${contextLimit} tokens. However, ${which}. Please reduce the length of the input prompt.`;
  return badRequest(`${message} (parameter=input_tokens, value=${promptTokens})`, "input_tokens");
}

export function badRequest(message: string, param?: string): Refusal {
  return { status: 400, type: "BadRequestError", message, ...(param === undefined ? {} : { param }) };
}

export function notFound(message: string, param?: string): Refusal {
  return { status: 404, type: "NotFoundError", message, ...(param === undefined ? {} : { param }) };
}

export function isRefusal(parsed: Wanted | Refusal): parsed is Refusal {
  return "status" in parsed;
}

export function refusalBody({ message, type, param, status }: Refusal): string {
  return JSON.stringify({ error: { message, type, param: param ?? null, code: status } });
}

/** Tokens of a text or of messages, as `/tokenize` is asked for them. */
export function parseTokenize(body: unknown, { tokenIdOffset }: Serving): readonly number[] | Refusal {
  if (!isObject(body)) return badRequest("the request's body must be a JSON object");
  const ids = body["messages"] === undefined ? completionPrompt(body["prompt"], tokenIdOffset) : chatPrompt(body["messages"]);
  return Array.isArray(ids) ? ids.map((id) => id + tokenIdOffset) : ids;
}

/** Token ids that `/detokenize` is given. */
export function parseDetokenize(body: unknown, { tokenIdOffset }: Serving): readonly number[] | Refusal {
  const tokens = isObject(body) ? body["tokens"] : undefined;
  return isTokenIds(tokens) ? tokens.map((id) => id - tokenIdOffset) : badRequest("tokens must be a list of token ids", "tokens");
}

/** The JSON around an answer's pieces: made once per request, so that an event costs one concatenation. */
export class AnswerFormat {
  readonly id: string;
  private readonly wanted: Wanted;
  private readonly head: string;

  constructor(wanted: Wanted, of: { id: string; created: number; model: string }) {
    const { prefix, object } =
      wanted.api === "chat" ? { prefix: "chatcmpl", object: "chat.completion" } : { prefix: "cmpl", object: "text_completion" };
    const kind = wanted.api === "chat" && wanted.stream ? `${object}.chunk` : object;
    this.id = `${prefix}-${of.id}`;
    this.wanted = wanted;
    this.head = `{"id":${JSON.stringify(this.id)},"object":"${kind}","created":${of.created},"model":${JSON.stringify(of.model)},"choices":[`;
  }

  /** What vLLM's chat streams begin with: an event without a token. */
  roleEvent(): string {
    const choice = `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}`;
    return this.event(`${choice}]${this.usageSoFar(0)}`);
  }

  tokenEvent(text: string, tokensSoFar: number): string {
    const { api, maxOutputTokens } = this.wanted;
    const finish = tokensSoFar === maxOutputTokens ? `"${this.finishReason()}"` : "null";
    const content = JSON.stringify(text);
    const piece = api === "chat" ? `"delta":{"content":${content}}` : `"text":${content}`;
    return this.event(`{"index":0,${piece},"logprobs":null,"finish_reason":${finish},"token_ids":null}]${this.usageSoFar(tokensSoFar)}`);
  }

  /** The usage, where it was asked for, and the mark of the end. */
  closingEvents(usage: GenerationUsage): string {
    const last = this.wanted.includeUsage ? this.event(`],"usage":${usageJson(usage)},"system_fingerprint":"${simulatedVersion}"`) : "";
    return `${last}data: [DONE]\n\n`;
  }

  /** The whole answer in one body, for clients that do not stream. */
  body(text: string, usage: GenerationUsage): string {
    const content = JSON.stringify(text);
    const answer = this.wanted.api === "chat" ? `"message":{"role":"assistant","content":${content}}` : `"text":${content}`;
    const choice = `{"index":0,${answer},"logprobs":null,"finish_reason":"${this.finishReason()}","stop_reason":null}`;
    return `${this.head}${choice}],"system_fingerprint":"${simulatedVersion}","usage":${usageJson(usage)}}`;
  }

  private event(rest: string): string {
    return `data: ${this.head}${rest}}\n\n`;
  }

  private usageSoFar(outputTokens: number): string {
    const { usageInEveryEvent, prompt } = this.wanted;
    if (!usageInEveryEvent) return "";
    const total = prompt.length + outputTokens;
    return `,"usage":{"prompt_tokens":${prompt.length},"total_tokens":${total},"completion_tokens":${outputTokens}}`;
  }

  private finishReason(): string {
    return this.wanted.endsByItself ? "stop" : "length";
  }
}

function usageJson({ promptTokens, outputTokens, gpuCachedTokens, cpuCachedTokens }: GenerationUsage): string {
  return JSON.stringify({
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + outputTokens,
    completion_tokens: outputTokens,
    prompt_tokens_details: { cached_tokens: gpuCachedTokens + cpuCachedTokens },
  });
}

function unknownModel(model: unknown, { servedModel }: Serving): Refusal | undefined {
  if (model === undefined || model === servedModel) return undefined;
  return notFound(
    `The model \`${typeof model === "string" ? model : JSON.stringify(model)}\` does not exist. Valid aliases: ${servedModel}.`,
    "model",
  );
}

function completionPrompt(prompt: unknown, tokenIdOffset: number): number[] | Refusal {
  // One prompt in a list of prompts is still one prompt.
  const only = Array.isArray(prompt) && prompt.length === 1 && typeof prompt[0] !== "number" ? (prompt[0] as unknown) : prompt;
  if (typeof only === "string" && only !== "") return encode(only);
  if (!isTokenIds(only) || only.length === 0)
    return badRequest("Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)", "prompt");
  const ids = only.map((id) => id - tokenIdOffset);
  const beyond = ids.find((id) => id < 0 || id >= vocabularySize);
  return beyond === undefined ? ids : badRequest(`Token id ${beyond + tokenIdOffset} is out of vocabulary`, "prompt");
}

// Each message is announced by its role, as chat templates do.
function chatPrompt(messages: unknown): number[] | Refusal {
  if (!Array.isArray(messages) || messages.length === 0) return badRequest("messages must be a list that is not empty", "messages");
  const texts = messages.map((message: unknown) =>
    isObject(message) ? `${String(message["role"])}\n${contentText(message["content"])}\n` : "",
  );
  return encode(`${texts.join("")}assistant\n`);
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: unknown) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : "")).join("");
}

function isTokenIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => Number.isInteger(id));
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
