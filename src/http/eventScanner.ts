import { grouped } from "../model/grouped.ts";
import { lineEndIn } from "./alikeEvents.ts";
import { GrowingBytes } from "./growingBytes.ts";

/** Who is given the events. An object rather than functions: of those, every reply would have its own, and none of them would be inlined. */
export interface EventTaker {
  /** One event's data: `start` to `end` of `bytes`, valid during the call only. `isError`: its name, or that of its field, is "error". */
  event(bytes: Buffer, start: number, end: number, isError: boolean): void;
  /** Takes whole events that it knows by their looks, from `start` on, and returns where the first one that it doesn't starts. */
  takeEvents(bytes: Buffer, start: number, end: number): number;
}

const lineFeed = 10;
const carriageReturn = 13;
const colon = 58;
const space = 32;
const openBrace = 123;
const data = Buffer.from("data");
const event = Buffer.from("event");
const error = Buffer.from("error");
/** Events by these names only keep a connection alive, whatever is in them: of older sse_starlette, which llama-cpp-python has, it is the time. */
const signsOfLife = ["ping", "heartbeat", "keepalive", "keep-alive"].map((name) => Buffer.from(name));
const done = Buffer.from("[DONE]");
const nothing = Buffer.from("{}");
const fieldNames = [data, event, Buffer.from("id"), Buffer.from("retry")];
/** How the names of exceptions end: RuntimeError, TimeoutException. */
const exceptionNames = [Buffer.from("Error"), Buffer.from("Exception")];
const newLine = Buffer.from("\n");
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const largestEvent = 64 * 1024 * 1024;
/** Of words that are no field's: who reads them wants their beginning. */
const mostWords = 1_024;

/** Finds the events of a text/event-stream, however its bytes are split: LF, CRLF or CR, comments, data over several lines. */
export class EventScanner {
  /** What is wrong with the stream. */
  problem: string | undefined;
  /** The next byte is the first of an event, or of an empty line before it. */
  isBetweenEvents = true;
  private readonly taker: EventTaker;
  private readonly partialLine = new GrowingBytes();
  /** Data of the event under way that has to outlive the bytes it came in. */
  private readonly kept = new GrowingBytes();
  /** Data of the event under way within the bytes at hand: the usual case, and nothing is copied. */
  private dataStart = 0;
  private dataEnd = 0;
  private hasDataAtHand = false;
  private hasDataKept = false;
  private isError = false;
  private isSignOfLife = false;
  /** A comment in an event called error: what that says, where it has no data. */
  private remark = "";
  /** Lines of the event under way that are no field's. */
  private words = "";
  private afterCarriageReturn = false;

  constructor(taker: EventTaker) {
    this.taker = taker;
  }

  scan(bytes: Buffer, start: number, end: number): void {
    let lineStart = start;
    if (this.afterCarriageReturn && bytes[start] === lineFeed) lineStart++;
    this.afterCarriageReturn = false;
    if (this.isBetweenEvents) lineStart = this.taker.takeEvents(bytes, lineStart, end);
    if (lineStart === end) return;
    this.keepTheRest(bytes, this.scanLines(bytes, lineStart, end), end);
  }

  /** The body is complete: servers exist that leave out the last blank line. */
  finish(): void {
    const { bytes, length } = this.partialLine;
    if (length > 0) this.lineEnded(bytes, length, length);
    this.eventEnded(bytes);
  }

  /** Returns where the line starts that has no end yet. */
  private scanLines(bytes: Buffer, start: number, end: number): number {
    let lineStart = start;
    for (;;) {
      const at = lineEndIn(bytes, lineStart, end);
      if (at === end) return lineStart;
      this.lineEnded(bytes, lineStart, at);
      lineStart = at + 1;
      if (bytes[at] === carriageReturn) {
        if (lineStart === end) this.afterCarriageReturn = true;
        else if (bytes[lineStart] === lineFeed) lineStart++;
      }
      if (this.isBetweenEvents) lineStart = this.taker.takeEvents(bytes, lineStart, end);
    }
  }

  private lineEnded(bytes: Buffer, start: number, end: number): void {
    this.isBetweenEvents = false;
    if (this.partialLine.length === 0) {
      if (start === end) this.eventEnded(bytes);
      else this.readLine(bytes, start, end);
      return;
    }
    this.partialLine.append(bytes, start, end);
    this.readLine(this.partialLine.bytes, 0, this.partialLine.length);
    this.keepData(this.partialLine.bytes);
    this.partialLine.clear();
  }

  private readLine(bytes: Buffer, start: number, end: number): void {
    if (isField(bytes, start, end, data)) {
      this.readData(bytes, valueStart(bytes, start + data.length, end), end);
    } else if (isField(bytes, start, end, event)) {
      const from = valueStart(bytes, start + event.length, end);
      this.isError = isName(bytes, from, end, error);
      this.isSignOfLife = isSignOfLife(bytes, from, end);
    } else if (isField(bytes, start, end, error)) {
      // As llama.cpp says it.
      this.isError = true;
      this.readData(bytes, valueStart(bytes, start + error.length, end), end);
    } else if (bytes[start] === openBrace || isName(bytes, start, end, done)) {
      // No field: what a gateway that had begun to stream says of an error then, or of the end. It may leave out the blank lines around it.
      if (this.hasData) this.eventEnded(bytes);
      this.readData(bytes, start, end);
      this.eventEnded(bytes);
    } else if (startsWith(bytes, start, end, byteOrderMark)) {
      this.readLine(bytes, start + byteOrderMark.length, end);
    } else if (bytes[start] === colon) {
      if (this.isError) this.remark = bytes.toString("utf8", start + 1, Math.min(end, start + mostWords));
    } else if (isWords(bytes, start, end)) {
      // As a server that had begun to stream may say of an error, with or without the blank lines.
      if (this.hasData) this.eventEnded(bytes);
      this.isBetweenEvents = false; // until the words are told: none that follows is before them
      if (this.words.length < mostWords) this.words += `${bytes.toString("utf8", start, Math.min(end, start + mostWords))}\n`;
    }
    // Other comments and other fields say nothing about tokens.
  }

  /** Of the event under way. */
  private get hasData(): boolean {
    return this.hasDataAtHand || this.hasDataKept;
  }

  private readData(bytes: Buffer, start: number, end: number): void {
    this.keepData(bytes);
    if (this.hasDataKept) this.kept.append(newLine, 0, 1);
    this.dataStart = start;
    this.dataEnd = end;
    this.hasDataAtHand = true;
  }

  private eventEnded(bytes: Buffer): void {
    if (this.words !== "") this.tellWords(this.words);
    if (this.hasDataKept) this.keepData(bytes);
    if (this.kept.length > 0) this.tellData(this.kept.bytes, 0, this.kept.length);
    else if (this.hasDataAtHand && this.dataEnd > this.dataStart) this.tellData(bytes, this.dataStart, this.dataEnd);
    else if (this.isError && this.words === "") this.tellWords(this.remark); // as Dynamo says it
    this.hasDataAtHand = false;
    this.hasDataKept = false;
    this.isError = false;
    this.isSignOfLife = false;
    this.remark = "";
    this.words = "";
    this.isBetweenEvents = true;
    this.kept.clear();
  }

  private tellData(bytes: Buffer, start: number, end: number): void {
    if (this.isSignOfLife) this.taker.event(nothing, 0, nothing.length, false);
    else this.taker.event(bytes, start, end, this.isError);
  }

  /** As JSON that is no part of a reply: an error where nothing follows, since other words may be a gateway's sign of life. */
  private tellWords(words: string): void {
    const told = Buffer.from(words === "" ? "" : JSON.stringify({ msg: words }));
    this.taker.event(told, 0, told.length, this.isError);
  }

  private keepTheRest(bytes: Buffer, lineStart: number, end: number): void {
    this.keepData(bytes);
    if (lineStart < end) {
      this.isBetweenEvents = false;
      this.partialLine.append(bytes, lineStart, end);
    }
    if (this.partialLine.length + this.kept.length > largestEvent) this.problem = `an event of more than ${grouped(largestEvent)} bytes`;
  }

  private keepData(bytes: Buffer): void {
    if (!this.hasDataAtHand) return;
    this.kept.append(bytes, this.dataStart, this.dataEnd);
    this.hasDataAtHand = false;
    this.hasDataKept = true;
  }
}

/** Whether a line is a field of that name. */
function isField(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  return startsWith(bytes, start, end, name) && (end - start === name.length || bytes[start + name.length] === colon);
}

/** No closure: some servers name every event. */
function isSignOfLife(bytes: Buffer, start: number, end: number): boolean {
  for (const name of signsOfLife) if (isName(bytes, start, end, name)) return true;
  return false;
}

function isName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  return end - start === name.length && startsWith(bytes, start, end, name);
}

/** Whether a line is no field, nor the beginning of one: it has no colon, or a space before it, or begins as an exception is printed. White space alone is a sign of life. */
function isWords(bytes: Buffer, start: number, end: number): boolean {
  if (isBlank(bytes, start, end)) return false;
  for (let at = start; at < end; at++) {
    if (bytes[at] === colon)
      return exceptionNames.some((name) => at - start >= name.length && startsWith(bytes, at - name.length, at, name));
    if (bytes[at] === space) return true;
  }
  return !fieldNames.some((name) => startsWith(name, 0, name.length, bytes.subarray(start, end)));
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] ?? 0) <= space) at++;
  return at === end;
}

function startsWith(bytes: Buffer, start: number, end: number, beginning: Buffer): boolean {
  if (end - start < beginning.length) return false;
  for (let at = 0; at < beginning.length; at++) if (bytes[start + at] !== beginning[at]) return false;
  return true;
}

function valueStart(bytes: Buffer, colonAt: number, end: number): number {
  if (colonAt >= end) return end;
  return bytes[colonAt + 1] === space && colonAt + 1 < end ? colonAt + 2 : colonAt + 1;
}
