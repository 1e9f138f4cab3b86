import { grouped } from "../model/grouped.ts";
import type { Framing } from "./head.ts";

/** Who is given the body. */
export interface PieceTaker {
  /** The body's own bytes, as they come: `start` to `end` of the bytes just read, valid during the call only. */
  piece(bytes: Buffer, start: number, end: number): void;
  /** Takes whole chunks that it knows by their looks, sizes and all, from `start` on, and returns where the first one that it doesn't starts. */
  takeChunks(bytes: Buffer, start: number, end: number): number;
}

/** Where in a chunked body the next byte falls. */
type Place = "size" | "extension" | "sizeEnd" | "data" | "dataEnd" | "dataLineFeed" | "trailer" | "trailerLine" | "lastLineFeed";

const carriageReturn = 13;
const lineFeed = 10;
const semicolon = 59;
const space = 32;
const tab = 9;
const longestTrailers = 65_536;
const largestChunk = 2 ** 48;

/** Counts off one response body, however its bytes are split: chunked, of known length, or ended by the connection. */
export class BodyReader {
  isComplete: boolean;
  /** What is wrong with the framing; nothing is read after that. */
  problem: string | undefined;
  private readonly framing: Framing["kind"];
  private readonly taker: PieceTaker;
  private place: Place = "size";
  /** Bytes still to come of a body of known length, or of the chunk. */
  private left: number;
  /** Of the size that is being read, some have come. */
  private hasDigits = false;
  private trailerBytes = 0;

  constructor(framing: Framing, taker: PieceTaker) {
    this.framing = framing.kind;
    this.taker = taker;
    this.left = framing.kind === "length" ? framing.bytes : 0;
    this.isComplete = framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0);
  }

  /** Returns where it stopped: `end`, unless the body was complete before. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.isComplete || this.problem !== undefined || start === end) return start;
    if (this.framing === "chunked") return this.readChunked(bytes, start, end);
    if (this.framing === "length") return this.readCounted(bytes, start, end);
    this.taker.piece(bytes, start, end);
    return end;
  }

  /** The connection has ended: complete, if that is how this body ends. */
  close(): void {
    if (this.framing === "close") this.isComplete = true;
  }

  private readCounted(bytes: Buffer, start: number, end: number): number {
    const stop = this.takeLeft(bytes, start, end);
    if (this.left === 0) this.isComplete = true;
    return stop;
  }

  private readChunked(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.isComplete && this.problem === undefined) {
      if (this.place === "data") {
        at = this.readData(bytes, at, end);
      } else {
        if (this.place === "size" && !this.hasDigits) at = this.taker.takeChunks(bytes, at, end);
        if (at < end) this.readFraming(bytes[at++] ?? 0);
      }
    }
    return at;
  }

  private readData(bytes: Buffer, start: number, end: number): number {
    const stop = this.takeLeft(bytes, start, end);
    if (this.left === 0) this.place = "dataEnd";
    return stop;
  }

  private takeLeft(bytes: Buffer, start: number, end: number): number {
    const stop = Math.min(end, start + this.left);
    this.left -= stop - start;
    this.taker.piece(bytes, start, stop);
    return stop;
  }

  private readFraming(byte: number): void {
    switch (this.place) {
      case "size":
        this.readSize(byte);
        break;
      case "extension":
        if (byte === lineFeed) this.sizeEnded();
        break;
      case "sizeEnd":
        if (byte === lineFeed) this.sizeEnded();
        else this.problem = "a chunk's size does not end its line";
        break;
      case "dataEnd":
        if (byte === carriageReturn) this.place = "dataLineFeed";
        else this.dataEnded(byte);
        break;
      case "dataLineFeed":
        this.dataEnded(byte);
        break;
      case "trailer":
      case "trailerLine":
      case "lastLineFeed":
        this.readTrailer(byte);
        break;
      case "data":
        break;
    }
  }

  private readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.left = this.left * 16 + digit;
      this.hasDigits = true;
      if (this.left > largestChunk) this.problem = "a chunk of more than 2^48 bytes";
    } else if (!this.hasDigits) {
      this.problem = "a chunk without a size";
    } else if (byte === carriageReturn) {
      this.place = "sizeEnd";
    } else if (byte === lineFeed) {
      this.sizeEnded();
    } else if (byte === semicolon || byte === space || byte === tab) {
      this.place = "extension";
    } else {
      this.problem = "a chunk's size is not a number";
    }
  }

  private sizeEnded(): void {
    this.place = this.left === 0 ? "trailer" : "data";
    this.hasDigits = false;
  }

  private dataEnded(byte: number): void {
    if (byte === lineFeed) this.place = "size";
    else this.problem = "a chunk is longer than its size";
  }

  private readTrailer(byte: number): void {
    if (this.place === "trailerLine") {
      if (byte === lineFeed) this.place = "trailer";
    } else if (byte === lineFeed) {
      this.isComplete = true;
    } else if (this.place === "lastLineFeed") {
      this.problem = "the last chunk does not end its line";
    } else {
      this.place = byte === carriageReturn ? "lastLineFeed" : "trailerLine";
    }
    if (++this.trailerBytes > longestTrailers) this.problem = `trailers of more than ${grouped(longestTrailers)} bytes`;
  }
}

/** -1 for anything else. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
