import type { Ending, ExchangeListener } from "../model/exchange.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import type { Nanoseconds, Seconds } from "../model/time.ts";
import { eventsTaken, takeChunksLike, takeEventsLike, textTaken, type EventPattern, type TakeLike } from "../http/alikeEvents.ts";
import { BodyReader, type PieceTaker } from "../http/bodyReader.ts";
import { ChunkReader, type EventKind } from "./chunkReader.ts";
import { complaintIn } from "./complaint.ts";
import { EventScanner, type EventTaker } from "../http/eventScanner.ts";
import { GrowingBytes } from "../http/growingBytes.ts";
import { HeadReader, type Head } from "../http/head.ts";
import { KeptText } from "./keptText.ts";
import { isEventStream, notAStream, refusal, type OtherReply } from "./otherReply.ts";
import { ReplyTokens } from "./replyTokens.ts";
import { StreamEnd } from "./streamEnd.ts";
import { textPattern } from "./textPattern.ts";

export interface ReplyOptions {
  readonly listener: Pick<ExchangeListener, "headers" | "chunk" | "texts">;
  readonly keepText: boolean;
  /** What was asked for at most: a reply of so many tokens has not been cut. */
  readonly maxOutputTokens: number;
  /** Never to be seen in a message, whatever the server answers. */
  readonly secrets: readonly string[];
  /** Usage without cached tokens says that there were none: a wire's. */
  readonly leavesOutZeros?: boolean;
}

/** Kept of a body that is not a stream of events, to say what it was. */
const longestDocument = 65_536;
/** A pattern takes as long to make as an event to read, and half as long to look for in vain. */
const mostPatterns = 32;
/** So many events that were like one pay for the next: some servers write the time in each event, which changes every second. */
const eventsForPattern = 16;
const space = 32;
const lessThan = 60;
const openBrace = 123;
const openBracket = 91;
const nothing = "{}";

/** One reader for all streams: what it found is used before the next event is read. */
const chunk = new ChunkReader();

/**
 * One response, from its bytes to what the listener hears of it. Knows no socket. The way of a byte comes first, from `read`, which has its stamp,
 * to `tellTexts`; how that is begun, ended and judged follows.
 */
export class ReplyReader implements PieceTaker, EventTaker {
  /** Some byte of the response has arrived: the request must not be sent again. */
  hasStarted = false;
  /** The body is complete, or nothing more is worth reading. */
  isOver = false;
  /** The last event was `[DONE]`: whatever follows is no part of the answer. */
  isDone = false;
  private readonly options: ReplyOptions;
  private readonly headReader = new HeadReader();
  private head: Head | undefined;
  private body: BodyReader | undefined;
  private readonly events = new EventScanner(this);
  /** A body that is not a stream of events. */
  private readonly document = new GrowingBytes();
  private isStream = false;
  private hasBody = false;
  private failure: Outcome | undefined;
  private at: Nanoseconds = 0;
  private hasExcess = false;
  private readonly tokens: ReplyTokens;
  /** Events of text within this read that the listener has not heard of yet. */
  private untold = 0;
  private readonly end = new StreamEnd();
  /** Of an event that had nothing but text: the last one, as a rule. */
  private pattern: EventPattern | undefined;
  /** Made, less those that events like one have paid for. */
  private patterns = 0;
  /** Events in a row that were unlike the last one that could be afforded. */
  private misses = 0;
  /** Undefined where no text is kept. */
  private readonly kept: KeptText | undefined;
  private broken = "";

  constructor(options: ReplyOptions) {
    this.options = options;
    this.tokens = new ReplyTokens(options.maxOutputTokens);
    this.kept = options.keepText ? new KeptText() : undefined;
  }

  /** Bytes received at `at`: one read of the socket. */
  read(at: Nanoseconds, bytes: Buffer, length: number): void {
    this.at = at;
    this.hasStarted = true;
    const bodyAt = this.head === undefined ? this.readHead(bytes, length) : 0;
    const body = this.body;
    if (body === undefined) return;
    const stopped = body.read(bytes, bodyAt, length);
    this.tellTexts();
    if (stopped < length) this.hasExcess = true;
    this.checkBody(body);
  }

  /** Most of a stream: one event like the last one in each chunk. */
  takeChunks(bytes: Buffer, start: number, end: number): number {
    return this.events.isBetweenEvents ? this.takeAlike(takeChunksLike, bytes, start, end) : start;
  }

  piece(bytes: Buffer, start: number, end: number): void {
    const begins = this.hasBody ? start : this.begins(bytes, start, end);
    if (this.isStream) this.events.scan(bytes, start, end);
    else if (this.document.length < longestDocument) this.document.append(bytes, begins, Math.min(end, begins + longestDocument));
  }

  /** Most of a stream: events like the last one, one after the other. */
  takeEvents(bytes: Buffer, start: number, end: number): number {
    return this.takeAlike(takeEventsLike, bytes, start, end);
  }

  event(bytes: Buffer, start: number, end: number, isError: boolean): void {
    if (this.isDone) return;
    this.tellTexts();
    const read = chunk.read(bytes, start, end);
    if (read === "malformed" && this.isOver && isBeginning(bytes[start])) return this.end.cut(this.textOf(bytes, start, end));
    const kind = isError || read === "malformed" || read === "aborted" ? "error" : read;
    if (kind === "error") this.failure ??= this.failureIn(bytes, start, end, isError ? "error" : read);
    if (kind === "done") {
      this.isDone = true;
    } else if (read !== "malformed") {
      const isStrange = kind === "empty" && !chunk.isPart && end - start > nothing.length;
      this.end.event(kind, chunk, isStrange ? this.textOf(bytes, start, end) : undefined);
      if (chunk.hasUsage) this.tokens.count(chunk);
    }
    if (kind === "empty" || (kind === "usage" && chunk.hasChoice)) this.tokens.emptyEvents++;
    if (kind === "text" || kind === "reasoning" || kind === "tool") this.generated(kind, bytes, start, end);
    else this.options.listener.chunk(this.at, kind, 0);
    if (chunk.onlyText !== undefined) this.remember(bytes, start, end, chunk.onlyText);
  }

  private generated(kind: "text" | "reasoning" | "tool", bytes: Buffer, start: number, end: number): void {
    this.options.listener.chunk(this.at, kind, this.tokens.ofEvent(chunk.hasUsage ? chunk.completionTokens : undefined));
    this.kept?.addEvent(bytes.toString("utf8", start, end));
  }

  /** Before anything else is told, and at the end of each read. */
  private tellTexts(): void {
    const events = this.untold;
    if (events === 0) return;
    this.untold = 0;
    this.patterns = Math.max(0, this.patterns - events / eventsForPattern);
    this.misses = 0;
    this.tokens.carry(events);
    this.end.texts();
    this.options.listener.texts(this.at, events);
  }

  private takeAlike(take: TakeLike, bytes: Buffer, start: number, end: number): number {
    if (this.pattern === undefined || this.isDone || start === end) return start;
    const stopped = take(this.pattern, bytes, start, end);
    const count = eventsTaken();
    this.untold += count;
    if (this.kept !== undefined) for (let index = 0; index < count; index++) this.kept.addQuoted(textTaken(index));
    return stopped;
  }

  /** Not a reply's first token (many replies have no other), and not for ever where no two events are alike: then none is looked for either. */
  private remember(bytes: Buffer, start: number, end: number, textStart: number): void {
    if (this.tokens.events <= 1) return;
    if (this.patterns < mostPatterns) {
      this.patterns++;
      this.pattern = textPattern(bytes, start, end, textStart);
    } else if (++this.misses > mostPatterns) {
      this.pattern = undefined;
    }
  }

  /** The connection has ended: closed by the server, or broken by `cause`. */
  close(cause: Error | undefined): void {
    if (cause === undefined) this.body?.close();
    this.broken = cause === undefined ? "" : ` (${cause.message})`;
    if (this.body !== undefined) this.checkBody(this.body);
    this.isOver = true;
  }

  /** It has failed, whatever may still come. */
  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  /** What came of it, `instead` when it was ended before its time. */
  ending(instead?: Outcome): Ending {
    const { tokens } = this;
    const kept = this.isStream ? this.kept : undefined;
    // Always of the same shape: one is made for each request.
    return {
      outcome: this.told() ?? instead ?? this.outcome(),
      status: this.head?.status,
      promptTokens: tokens.prompt,
      cachedTokens: tokens.cachedTokens(this.options.leavesOutZeros === true),
      outputTokens: tokens.output,
      outputTokensSource: tokens.outputSource,
      impossibleTokens: tokens.impossible,
      impossibleCachedTokens: tokens.impossibleCached,
      text: kept?.text,
      aside: kept?.aside,
    };
  }

  /** Whether the connection can carry another request. */
  get leavesOpen(): boolean {
    return this.body?.isComplete === true && !this.hasExcess && this.head?.keepAlive === true;
  }

  /** It cannot, whatever comes: the head has said so. */
  get closesConnection(): boolean {
    return this.head?.keepAlive === false;
  }

  /** How long the server leaves it open for that, where it says so. */
  get idleTimeout(): Seconds | undefined {
    return this.head?.idleTimeout;
  }

  private readHead(bytes: Buffer, length: number): number {
    const reading = this.headReader.read(bytes, 0, length);
    if (reading.kind === "more") return 0;
    if (reading.kind === "bad") {
      this.fail(failed("bad-response", reading.message));
      return 0;
    }
    const { head } = reading;
    this.head = head;
    this.options.listener.headers(this.at, head.status);
    this.isStream = isSuccess(head.status) && head.compression === undefined && isEventStream(head.contentType);
    this.body = new BodyReader(head.framing, this);
    return reading.bodyAt;
  }

  /** Where: after white space. What begins like a page or like JSON is none of a stream's lines, whatever its type says. */
  private begins(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && (bytes[at] ?? 0) <= space) at++;
    if (at === end) return end;
    this.hasBody = true;
    if (bytes[at] === lessThan || bytes[at] === openBrace) this.isStream = false;
    return at;
  }

  private checkBody(body: BodyReader): void {
    if (body.isComplete) {
      this.isOver = true;
      if (this.isStream) this.events.finish();
    }
    const problem = body.problem ?? this.events.problem;
    if (problem !== undefined) this.fail(failed("bad-response", problem));
  }

  private failureIn(bytes: Buffer, start: number, end: number, read: EventKind): Outcome {
    if (read === "aborted") return failed("aborted", `the engine gave up: finish_reason "${chunk.abortReason}"`);
    const said = complaintIn(this.textOf(bytes, start, end), this.options.secrets);
    return read === "malformed"
      ? failed("bad-response", `an event that is not JSON: ${said ?? "only white space"}`)
      : failed("error-event", said ?? "an error event that says nothing");
  }

  private textOf(bytes: Buffer, start: number, end: number): string {
    return bytes.toString("utf8", start, Math.min(end, start + longestDocument));
  }

  private fail(outcome: Outcome): void {
    this.failure ??= outcome;
    this.isOver = true;
  }

  /** What the server has told before the end: no deadline that passes later makes it untold. */
  private told(): Outcome | undefined {
    if (this.failure !== undefined) return this.failure;
    const isRefusal = this.head !== undefined && !isSuccess(this.head.status);
    return isRefusal || this.isDone ? this.outcome() : undefined;
  }

  private outcome(): Outcome {
    if (this.failure !== undefined) return this.failure;
    if (this.head === undefined) return failed("disconnected", `${disconnectedBefore(this.hasStarted)}${this.broken}`);
    if (!isSuccess(this.head.status)) return refusal(this.otherReply(this.head));
    if (!this.hasBody && this.body?.isComplete === true) return failed("bad-response", `HTTP ${this.head.status} with nothing in its body`);
    if (!this.isStream) return notAStream(this.otherReply(this.head));
    const isWhole = this.body?.isComplete === true;
    return this.end.outcome({ isDone: this.isDone, isWhole, broken: this.broken }, this.tokens, this.options.secrets);
  }

  private otherReply(head: Head): OtherReply {
    return { head, text: this.document.bytes.toString("utf8", 0, this.document.length), secrets: this.options.secrets };
  }
}

/** Of JSON, or of `[DONE]`. */
function isBeginning(byte: number | undefined): boolean {
  return byte === openBrace || byte === openBracket;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function disconnectedBefore(hasStarted: boolean): string {
  return hasStarted ? "the connection ended within the response head" : "the connection ended before a byte of the reply";
}
