import { readFileSync } from "node:fs";

/** An event of which nothing but the text may differ: all that stands before it and all that stands after it, line ends included. */
export interface EventPattern {
  /** At most `longestPattern` of them. */
  readonly bytes: Uint8Array;
  /** So many stand before the text. */
  readonly before: number;
}

/** Longer events are rare, and copying them would cost what it saves. */
export const longestPattern = 4_096;

/** What alikeEvents.wat exports. */
interface Compiled {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly chunks: Take;
  readonly events: Take;
  readonly lineEnd: (start: number, end: number) => number;
}

type Take = (start: number, end: number, before: number, after: number) => number;

/** Takes events of a pattern that stand there whole, from `start` on, and returns where the first other one starts. Of bytes that are not in `readBuffer` it takes none. */
export type TakeLike = (pattern: EventPattern, bytes: Buffer, start: number, end: number) => number;

const lineFeed = 10;
const carriageReturn = 13;
const readBytes = 65_536;
const compiled = new WebAssembly.Module(readFileSync(new URL("./alikeEvents.wasm", import.meta.url)));
const { memory, chunks, events, lineEnd } = new WebAssembly.Instance(compiled).exports as WebAssembly.Exports & Compiled; // as alikeEvents.wat says

/** What connections read into: compiled code sees no other memory than its own. */
export const readBuffer: Buffer = Buffer.from(memory.buffer, 0, readBytes);

const patternAt = new Uint8Array(memory.buffer, readBytes, longestPattern);
/** How many were taken, and of each where its text starts and ends: an event has ten bytes or more, so that there is room for a whole read of them. */
const taken = new Uint32Array(memory.buffer, readBytes + longestPattern);
let current: EventPattern | undefined;

/** Of chunks that are one such event each, with their sizes. */
export const takeChunksLike: TakeLike = (pattern, bytes, start, end) => take(chunks, pattern, bytes, start, end);

/** Of events one after the other. */
export const takeEventsLike: TakeLike = (pattern, bytes, start, end) => take(events, pattern, bytes, start, end);

/** Of the last call. */
export function eventsTaken(): number {
  return taken[0] ?? 0;
}

/** The text of one of them, as it stands in JSON. */
export function textTaken(index: number): string {
  return readBuffer.toString("utf8", taken[1 + 2 * index], taken[2 + 2 * index]);
}

/** Where the first line feed or carriage return stands from `start` on; `end` where none is before it. */
export function lineEndIn(bytes: Buffer, start: number, end: number): number {
  if (bytes === readBuffer) return lineEnd(start, end);
  let at = start;
  while (at < end && bytes[at] !== lineFeed && bytes[at] !== carriageReturn) at++;
  return at;
}

function take(how: Take, pattern: EventPattern, bytes: Buffer, start: number, end: number): number {
  taken[0] = 0;
  if (bytes !== readBuffer) return start;
  if (pattern !== current) patternAt.set(pattern.bytes);
  current = pattern;
  return how(start, end, pattern.before, pattern.bytes.length - pattern.before);
}
