import { eventsTaken, takeChunksLike, takeEventsLike, textTaken, type TakeLike } from "../http/alikeEvents.ts";
import { BodyReader, type PieceTaker } from "../http/bodyReader.ts";
import { EventScanner, type EventTaker } from "../http/eventScanner.ts";
import { GrowingBytes } from "../http/growingBytes.ts";
import { HeadReader, type Head } from "../http/head.ts";
import { isGenerated, type ChunkKind, type Ending, type ExchangeListener } from "../model/exchange.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import type { Nanoseconds, Seconds } from "../model/time.ts";
import { beginsAnswer } from "./beginsAnswer.ts";
import { ChunkReader, type EventKind } from "./chunkReader.ts";
import { complaintIn } from "./complaint.ts";
import { KeptText } from "./keptText.ts";
import { LastEvent } from "./lastEvent.ts";
import { isEventStream, notAStream, refusal, type OtherReply } from "./otherReply.ts";
import { ReplyTokens } from "./replyTokens.ts";
import { StreamEnd } from "./streamEnd.ts";

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
const space = 32;
const lessThan = 60;
const openBrace = 123;
const openBracket = 91;
const nothing = "{}";

/** One reader for all streams: what it found is used before the next event is read. */
const chunk = new ChunkReader();

/**
 * One response, from its bytes to what the listener hears of it. Knows no socket. The way of a byte comes first, in the order in which it goes: `read`
 * has its stamp, `BodyReader` gives back the body's chunks, `EventScanner` their events, and the listener hears of each with that stamp. How a body
 * begins and what came of it follows.
 */
export class ReplyReader implements PieceTaker, EventTaker {
  /** Some byte of the response has arrived: the request must not be sent again. */
  hasStarted = false;
  /** The body is complete, or nothing more is worth reading. */
  isOver = false;
  /** The last event was `[DONE]`: whatever follows is no part of the answer. */
  isDone = false;
  /** Behind the body, in the same read, came an answer that nobody had asked for. */
  isAnsweredTwice = false;
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
  private readonly streamEnd = new StreamEnd();
  private readonly last = new LastEvent();
  /** Undefined where no text is kept. */
  private readonly kept: KeptText | undefined;
  /** How the connection broke, in brackets, or nothing. */
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
    if (stopped < length) this.noteExcess(body, bytes, stopped, length);
    this.checkBody(body);
  }

  private noteExcess({ isComplete }: BodyReader, bytes: Buffer, from: number, to: number): void {
    this.hasExcess = true;
    this.isAnsweredTwice ||= isComplete && beginsAnswer(bytes, from, to);
  }

  /** Most of a stream: one event like the last one in each chunk. */
  takeChunks(bytes: Buffer, start: number, end: number): number {
    return this.events.isBetweenEvents ? this.takeAlike(takeChunksLike, bytes, start, end) : start;
  }

  /** Any other piece of the body. */
  piece(bytes: Buffer, start: number, end: number): void {
    const from = this.hasBody ? start : this.beginBody(bytes, start, end);
    if (this.isStream) this.events.scan(bytes, start, end);
    else if (this.document.length < longestDocument) this.document.append(bytes, from, Math.min(end, from + longestDocument));
  }

  /** Most of a stream: events like the last one, one after the other. */
  takeEvents(bytes: Buffer, start: number, end: number): number {
    return this.takeAlike(takeEventsLike, bytes, start, end);
  }

  private takeAlike(take: TakeLike, bytes: Buffer, start: number, end: number): number {
    const { pattern } = this.last;
    if (pattern === undefined || this.isDone || start === end) return start;
    const stopped = take(pattern, bytes, start, end);
    const count = eventsTaken();
    this.untold += count;
    if (this.kept !== undefined) for (let index = 0; index < count; index++) this.kept.addQuoted(textTaken(index));
    return stopped;
  }

  /** Called before anything else is told, and at the end of each read. */
  private tellTexts(): void {
    const events = this.untold;
    if (events === 0) return;
    this.untold = 0;
    this.last.recurred(events);
    this.tokens.carry(events);
    this.streamEnd.texts();
    this.options.listener.texts(this.at, events);
  }

  /** Any other event. */
  event(bytes: Buffer, start: number, end: number, isError: boolean): void {
    if (this.isDone) return;
    this.tellTexts();
    const read = chunk.read(bytes, start, end);
    if (read === "malformed" && this.isOver && isBeginning(bytes[start])) return this.streamEnd.cut(this.textOf(bytes, start, end));
    const kind = isError || read === "malformed" || read === "aborted" ? "error" : read;
    if (kind === "error") this.failure ??= this.failureIn(bytes, start, end, isError ? "error" : read);
    if (kind === "done") this.isDone = true;
    else if (read !== "malformed") this.note(kind, bytes, start, end);
    if (isGenerated(kind)) this.generated(kind, bytes, start, end);
    else this.options.listener.chunk(this.at, kind, 0);
    // From a reply's second token on: many replies have only one, and a pattern made of it would be of no use.
    if (chunk.onlyText !== undefined && this.tokens.events > 1) this.last.becomes(bytes, start, end, chunk.onlyText);
  }

  /** What it says of tokens and of the end of the stream. */
  private note(kind: ChunkKind, bytes: Buffer, start: number, end: number): void {
    const isStrange = kind === "empty" && !chunk.isPart && end - start > nothing.length;
    this.streamEnd.event(kind, chunk, isStrange ? this.textOf(bytes, start, end) : undefined);
    if (chunk.hasUsage) this.tokens.noteUsage(chunk);
    if (kind === "empty" || (kind === "usage" && chunk.hasChoice)) this.tokens.emptyEvents++;
  }

  private generated(kind: ChunkKind, bytes: Buffer, start: number, end: number): void {
    this.options.listener.chunk(this.at, kind, this.tokens.ofEvent(chunk.completionTokens));
    this.kept?.addEvent(bytes.toString("utf8", start, end));
  }

  /** The connection has ended: closed by the server, or broken by `cause`. */
  close(cause: Error | undefined): void {
    if (cause === undefined) this.body?.close();
    else this.broken = ` (${cause.message})`;
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
      outcome: instead === undefined || this.hasTold ? this.outcome() : instead,
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
    const reading = this.headReader.read(bytes, length);
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

  /** Returns where it begins: after white space. What begins like a page or like JSON is none of a stream's lines, whatever its type says. */
  private beginBody(bytes: Buffer, start: number, end: number): number {
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

  /** The server has told what came of it before the end: no deadline that passes later makes it untold. */
  private get hasTold(): boolean {
    const isRefused = this.head !== undefined && !isSuccess(this.head.status);
    return this.hasFailed || isRefused || this.isDone;
  }

  private outcome(): Outcome {
    if (this.failure !== undefined) return this.failure;
    if (this.head === undefined) return failed("disconnected", `${disconnectedBefore(this.hasStarted)}${this.broken}`);
    if (!isSuccess(this.head.status)) return refusal(this.otherReply(this.head));
    if (!this.hasBody && this.body?.isComplete === true) return failed("bad-response", `HTTP ${this.head.status} with nothing in its body`);
    if (!this.isStream) return notAStream(this.otherReply(this.head));
    const isWhole = this.body?.isComplete === true;
    return this.streamEnd.outcome({ isDone: this.isDone, isWhole, broken: this.broken }, this.tokens, this.options.secrets);
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
