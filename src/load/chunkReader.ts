import type { ChunkKind } from "../model/exchange.ts";
import { JsonWalk } from "./jsonWalk.ts";

/** What an event turned out to be; `malformed` is not JSON, `aborted` says that the engine gave up. */
export type EventKind = ChunkKind | "malformed" | "aborted";

/** Which object of a chunk is being read: it decides what its keys mean. */
type Level = "chunk" | "choice" | "finish" | "delta" | "part" | "thought" | "usage" | "details" | "groq";

const keys = {
  choices: Buffer.from("choices"),
  usage: Buffer.from("usage"),
  error: Buffer.from("error"),
  groq: Buffer.from("x_groq"),
  object: Buffer.from("object"),
  type: Buffer.from("type"),
  id: Buffer.from("id"),
  detail: Buffer.from("detail"),
  message: Buffer.from("message"),
  delta: Buffer.from("delta"),
  text: Buffer.from("text"),
  finishReason: Buffer.from("finish_reason"),
  content: Buffer.from("content"),
  refusal: Buffer.from("refusal"),
  reasoning: Buffer.from("reasoning"),
  reasoningContent: Buffer.from("reasoning_content"),
  reasoningText: Buffer.from("reasoning_text"),
  reasoningDetails: Buffer.from("reasoning_details"),
  summary: Buffer.from("summary"),
  thinking: Buffer.from("thinking"),
  toolCalls: Buffer.from("tool_calls"),
  functionCall: Buffer.from("function_call"),
  role: Buffer.from("role"),
  promptTokens: Buffer.from("prompt_tokens"),
  completionTokens: Buffer.from("completion_tokens"),
  promptTokensDetails: Buffer.from("prompt_tokens_details"),
  cachedTokens: Buffer.from("cached_tokens"),
  cacheHitTokens: Buffer.from("prompt_cache_hit_tokens"),
};
/** Without its first letter, which may be a capital. */
const rror = keys.error.subarray(1);
const done = Buffer.from("[DONE]");
/** Finish reasons of a request that was not answered to its end, in small letters. Others, whatever their word, are of replies. */
const abortReasons: ReadonlySet<string> = new Set([
  "abort", // vLLM, SGLang, LMDeploy
  "aborted",
  "cancelled", // TensorRT-LLM, watsonx
  "canceled", // mistral.rs
  "timeout", // TensorRT-LLM
  "time_limit", // watsonx
  "error", // vLLM, LMDeploy, OpenRouter
  "network_error", // Z.ai
  "insufficient_system_resource", // DeepSeek
]);

/** Words that some servers and gateways (Alibaba's the first) have there until there is a reason, in small letters. */
const noReasons: ReadonlySet<string> = new Set(["null", "none"]);

// As in jsonWalk.ts, and for the same reason.
const quote = 34;
const comma = 44;
const colon = 58;
const openBracket = 91;
const closeBracket = 93;
const openBrace = 123;
const closeBrace = 125;

/** Tells what one event of a completions or chat stream carries. One reader serves every stream; what it found holds until the next event. */
export class ChunkReader extends JsonWalk {
  /** Some choice has a finish reason. */
  isFinished = false;
  /** The finish reason that says that the engine gave up. */
  abortReason: string | undefined;
  /** It has a list of choices or usage, be they empty, or says what it is (`object`, `type`). */
  isPart = false;
  hasUsage = false;
  /** As usage tells them, also where no count can be so: `ReplyTokens` looks. */
  promptTokens: number | undefined;
  cachedTokens: number | undefined;
  completionTokens: number | undefined;
  /** Where the text starts, if it is all that this event has to say: no usage, no finish, no reasoning, no second text or choice. */
  onlyText: number | undefined;
  private hasReasoning = false;
  private hasTool = false;
  private hasRole = false;
  private hasError = false;
  /** It has words for a person: with nothing that a chunk has, they are an error. */
  private hasWords = false;
  /** It has something that a chunk of a reply has: choices, usage, an id, or what it is. */
  private isChunk = false;
  /** Of the member that is being read. */
  private keyStart = 0;
  private keyEnd = 0;
  /** Of the last text. */
  private textStart = 0;
  private texts = 0;
  private choices = 0;

  /** There is a choice, be it an empty one. */
  get hasChoice(): boolean {
    return this.choices > 0;
  }

  read(bytes: Buffer, start: number, end: number): EventKind {
    this.begin(bytes, start, end);
    this.skipSpace();
    if (this.isDone()) return "done";
    if (this.byte() !== openBrace || !this.readObject("chunk")) return "malformed";
    this.skipSpace();
    if (this.at !== this.end) return "malformed";
    if (this.isOnlyText()) this.onlyText = this.textStart;
    return this.kind();
  }

  private isOnlyText(): boolean {
    const isOne = this.texts === 1 && this.choices === 1;
    return isOne && !this.hasReasoning && !this.hasTool && !this.hasUsage && !this.isFinished && !this.hasError;
  }

  private begin(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.isFinished = false;
    this.abortReason = undefined;
    this.isPart = false;
    this.hasUsage = false;
    this.promptTokens = undefined;
    this.cachedTokens = undefined;
    this.completionTokens = undefined;
    this.hasReasoning = false;
    this.hasTool = false;
    this.hasRole = false;
    this.hasError = false;
    this.hasWords = false;
    this.isChunk = false;
    this.onlyText = undefined;
    this.texts = 0;
    this.choices = 0;
  }

  private kind(): EventKind {
    if (this.hasError || (this.hasWords && !this.isChunk)) return "error";
    if (this.abortReason !== undefined) return "aborted";
    if (this.texts > 0) return "text";
    if (this.hasReasoning) return "reasoning";
    if (this.hasTool) return "tool";
    if (this.hasRole) return "role";
    return this.hasUsage ? "usage" : "empty";
  }

  private isDone(): boolean {
    if (this.byte() !== openBracket || !this.isAt(done)) return false;
    this.at += done.length;
    this.skipSpace();
    return this.at === this.end;
  }

  private isKey(key: Buffer): boolean {
    return this.keyEnd - this.keyStart === key.length && this.isAt(key, this.keyStart);
  }

  // From here on: `read…` starts at the first byte of what it reads, ends after the last, and returns whether it was JSON so far;
  // `note…` looks ahead and moves nothing.

  private readObject(level: Level): boolean {
    this.at++;
    this.skipSpace();
    if (this.byte() === closeBrace) return this.step();
    for (;;) {
      this.keyStart = this.at + 1;
      if (this.byte() !== quote || !this.skipString()) return false;
      this.keyEnd = this.at - 1;
      this.skipSpace();
      if (this.byte() !== colon) return false;
      this.at++;
      this.skipSpace();
      if (!this.readMember(level)) return false;
      this.skipSpace();
      if (this.byte() === closeBrace) return this.step();
      if (this.byte() !== comma) return false;
      this.at++;
      this.skipSpace();
    }
  }

  private readMember(level: Level): boolean {
    switch (level) {
      case "chunk":
        return this.readOfChunk();
      case "choice":
        return this.readOfChoice();
      case "finish":
        return this.isKey(keys.type) && this.byte() === quote ? this.readFinishReason() : this.skipValue();
      case "delta":
        return this.readOfDelta();
      case "part":
        return this.readOfPart();
      case "thought":
        return this.readOfThought();
      case "usage":
        return this.readOfUsage();
      case "details":
        if (!this.isKey(keys.cachedTokens)) return this.skipValue();
        this.cachedTokens = this.number() ?? this.cachedTokens;
        return this.skipValue();
      case "groq":
        if (this.isKey(keys.usage)) return this.readUsage();
        if (this.isKey(keys.error)) this.noteError();
        return this.skipValue();
    }
  }

  private readOfChunk(): boolean {
    if (this.isKey(keys.choices)) {
      this.isChunk = true;
      this.isPart = true;
      return this.byte() === openBracket ? this.readList("choice") : this.skipValue();
    }
    if (this.isKey(keys.usage)) {
      this.isPart = true;
      return this.readUsage();
    }
    if (this.isKey(keys.groq) && this.byte() === openBrace) return this.readObject("groq");
    if (this.isKey(keys.error)) this.noteError();
    else if (this.isKey(keys.object)) this.noteType(this.isString(keys.error));
    else if (this.isKey(keys.type)) this.noteType(this.isErrorName());
    else if (!this.isChunk) this.noteOther();
    return this.skipValue();
  }

  private noteType(isError: boolean): void {
    this.isChunk = true;
    this.isPart = true;
    if (isError) this.hasError = true;
  }

  private noteError(): void {
    if (!this.isFalsy()) this.hasError = true;
  }

  /** Of what may be no chunk at all. Most have their id first. */
  private noteOther(): void {
    if (this.isKey(keys.id)) this.isChunk = true;
    else if (this.isKey(keys.detail) || this.isKey(keys.message)) {
      // FastAPI's is a list where the request was wrong.
      if (this.holdsText() || this.holdsItems()) this.hasWords = true;
    }
  }

  private readList(level: Level): boolean {
    this.at++;
    this.skipSpace();
    if (this.byte() === closeBracket) return this.step();
    for (;;) {
      if (level === "choice") this.choices++;
      if (!(this.byte() === openBrace ? this.readObject(level) : this.skipValue())) return false;
      this.skipSpace();
      if (this.byte() === closeBracket) return this.step();
      if (this.byte() !== comma) return false;
      this.at++;
      this.skipSpace();
    }
  }

  private readOfChoice(): boolean {
    if (this.isKey(keys.delta) && this.byte() === openBrace) return this.readObject("delta");
    if (this.isKey(keys.usage)) return this.readUsage();
    if (this.isKey(keys.text)) {
      this.noteText();
    } else if (this.isKey(keys.finishReason)) {
      if (this.holdsText()) return this.readFinishReason();
      if (this.holdsMembers()) return this.readFinishObject();
    } else if (this.isKey(keys.error)) {
      this.noteError();
    }
    return this.skipValue();
  }

  /** The one string that is made: there is one finish reason in a choice's whole stream. Null and none, as words, are none. */
  private readFinishReason(): boolean {
    const start = this.at + 1;
    if (!this.skipString()) return false;
    const reason = this.bytes.toString("latin1", start, this.at - 1);
    const word = reason.toLowerCase();
    if (noReasons.has(word)) return true;
    this.isFinished = true;
    if (abortReasons.has(word)) this.abortReason ??= reason;
    return true;
  }

  /** As SGLang's own API has it: its word is the type. */
  private readFinishObject(): boolean {
    this.isFinished = true;
    return this.readObject("finish");
  }

  private readOfDelta(): boolean {
    if (this.isKey(keys.content)) {
      if (this.byte() === openBracket) return this.readList("part");
      this.noteText();
    } else if (this.isKey(keys.refusal)) {
      this.noteText();
    } else if (this.isReasoning()) {
      if (this.holdsText()) this.hasReasoning = true;
    } else if (this.isKey(keys.reasoningDetails) && this.byte() === openBracket) {
      return this.readList("thought");
    } else if (this.isKey(keys.toolCalls)) {
      if (this.holdsItems()) this.hasTool = true;
    } else if (this.isKey(keys.functionCall)) {
      if (this.byte() === openBrace) this.hasTool = true;
    } else if (this.isKey(keys.role) && this.byte() === quote) {
      this.hasRole = true;
    }
    return this.skipValue();
  }

  /** Engines call it by the first two, GitHub Copilot by the third, and some gateways by the last. */
  private isReasoning(): boolean {
    return this.isKey(keys.reasoning) || this.isKey(keys.reasoningContent) || this.isKey(keys.reasoningText) || this.isKey(keys.thinking);
  }

  /** Of content that is a list, as some servers send it. */
  private readOfPart(): boolean {
    if (this.isKey(keys.text)) this.noteText();
    else if (this.isKey(keys.thinking) && this.holdsItems()) this.hasReasoning = true;
    return this.skipValue();
  }

  /** As MiniMax and OpenRouter send reasoning. A signature of it, or what nobody can read, is none. */
  private readOfThought(): boolean {
    const isWords = this.isKey(keys.text) || this.isKey(keys.summary);
    if (isWords && this.holdsText()) this.hasReasoning = true;
    return this.skipValue();
  }

  private noteText(): void {
    if (!this.holdsText()) return;
    this.textStart = this.at + 1;
    this.texts++;
  }

  /** Of the chunk; Moonshot tells it in the choice, Groq in a field of its own. */
  private readUsage(): boolean {
    if (this.byte() !== openBrace) return this.skipValue();
    this.isChunk = true;
    this.hasUsage = true;
    return this.readObject("usage");
  }

  /** Moonshot tells cached tokens here and not in the details, and so does DeepSeek, by another name. */
  private readOfUsage(): boolean {
    if (this.isKey(keys.completionTokens)) this.completionTokens = this.number();
    else if (this.isKey(keys.promptTokens)) this.promptTokens = this.number();
    else if (this.isKey(keys.cachedTokens) || this.isKey(keys.cacheHitTokens)) this.cachedTokens = this.number() ?? this.cachedTokens;
    else if (this.isKey(keys.promptTokensDetails) && this.byte() === openBrace) return this.readObject("details");
    return this.skipValue();
  }

  /** Looks ahead, moving nothing: "error", or what ends so, as "upstream_error" and "BadRequestError" do. */
  private isErrorName(): boolean {
    if (this.byte() !== quote) return false;
    const end = this.bytes.indexOf(quote, this.at + 1);
    const start = end - keys.error.length;
    return start > this.at && end < this.end && ((this.bytes[start] ?? 0) | 32) === keys.error[0] && this.isAt(rror, start + 1);
  }
}
