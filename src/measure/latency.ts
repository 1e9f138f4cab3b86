import type { Chunks, RequestRecord } from "../model/record.ts";
import { stampCodes } from "../model/recorder.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";

// Everything here but the gaps is of one request, and missing where its stamps are: docs/measurement.md says what each number means.

/** From just before the bytes were written to the first event with generated text, reasoning or a tool call. */
export function ttft(record: RequestRecord): Seconds | undefined {
  return elapsed(record.sent, firstToken(record));
}

/** The same from when the schedule said it should go out: what a user waits who does not care why. */
export function ttftFromDue(record: RequestRecord): Seconds | undefined {
  return elapsed(record.due, firstToken(record));
}

/** How long it took to open its connection, where that had to be: a part of its TTFT. */
export function opening(record: RequestRecord): Seconds | undefined {
  return elapsed(record.sent, record.opened);
}

export function timeToHeaders(record: RequestRecord): Seconds | undefined {
  return elapsed(record.sent, record.headers);
}

/** From just before the bytes were written to the last generated event. */
export function e2e(record: RequestRecord): Seconds | undefined {
  return elapsed(record.sent, lastToken(record));
}

export function e2eFromDue(record: RequestRecord): Seconds | undefined {
  return elapsed(record.due, lastToken(record));
}

/** When the harness sent it: of a request sent twice the first time, and missing where only the second is known. */
export function sentFirst({ attempts, sent, firstSent }: Pick<RequestRecord, "attempts" | "sent" | "firstSent">): Nanoseconds | undefined {
  return attempts > 1 ? firstSent : sent;
}

/** Whether it was sent a second time because of its connection, which had been closed. One that was not answered then either met an engine that had died. */
export function isSentAgain({ attempts, headers, outcome }: RequestRecord): boolean {
  return attempts > 1 && (headers !== undefined || outcome.kind !== "failed");
}

/** How late the harness itself was. */
export function sendLag(record: RequestRecord): Seconds | undefined {
  return elapsed(record.due, sentFirst(record));
}

/** (E2E - TTFT) / (output tokens - those of the first event). */
export function tpot(record: RequestRecord): Seconds | undefined {
  const decoding = decodingOf(record);
  return decoding === undefined ? undefined : decoding.seconds / decoding.tokens;
}

/** (output tokens - those of the first event) / (E2E - TTFT), tokens/s. */
export function throughput(record: RequestRecord): number | undefined {
  const decoding = decodingOf(record);
  return decoding === undefined ? undefined : decoding.tokens / decoding.seconds;
}

/**
 * The gaps between the events that carry tokens, column by column: a gap weighs the tokens of the event that ends it.
 * Stream i has those from `from[i]` up to `to[i]`. Gaps of 0 in a row, of events that came in one read, lie there as one that weighs as much: where
 * events come as fast as they can, there are many millions.
 */
export interface Gaps {
  readonly seconds: Float64Array;
  readonly weights: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** How many gaps each stream has, every one of 0 counted. */
  readonly counts: Int32Array;
}

/** ITL: an event of k tokens is one gap of weight k, never split. A role-only event opens none. A stream for each of the records. */
export function gaps(records: readonly RequestRecord[]): Gaps {
  const events = records.reduce((sum, { chunks: { from, to } }) => sum + to - from, 0);
  const places = () => new Int32Array(records.length);
  const found = { seconds: new Float64Array(events), weights: new Int32Array(events), from: places(), to: places(), counts: places() };
  for (const [stream, { chunks }] of records.entries()) addGaps(chunks, found, stream);
  const end = found.to.at(-1) ?? 0;
  return { ...found, seconds: found.seconds.subarray(0, end), weights: found.weights.subarray(0, end) };
}

/** Those of some of the streams, without a copy of them. */
export function gapsOf({ from, to, counts, ...columns }: Gaps, streams: readonly number[]): Gaps {
  const some = Int32Array.from(streams);
  const at = (places: Int32Array) => some.map((stream) => places[stream] ?? 0);
  return { ...columns, from: at(from), to: at(to), counts: at(counts) };
}

/** Puts a stream's gaps behind those of the one before. */
function addGaps(chunks: Chunks, { seconds, weights, from, to, counts }: Gaps, stream: number): void {
  const { at, kind, tokens } = chunks.columns;
  const start = to[stream - 1] ?? 0;
  let [next, count] = [start, 0];
  let [before, last] = [NaN, NaN]; // none yet; as undefined it would make an object of each moment
  for (let i = chunks.from; i < chunks.to; i++) {
    const weight = tokens[i] ?? 0;
    if (weight === 0 || !isGenerated(kind[i])) continue;
    const moment = at[i] ?? 0;
    const gap = moment - before;
    before = moment;
    if (Number.isNaN(gap)) continue;
    count++;
    if (gap === 0 && last === 0) {
      weights[next - 1] = (weights[next - 1] ?? 0) + weight;
    } else {
      seconds[next] = toSeconds(gap);
      weights[next++] = weight;
    }
    last = gap;
  }
  from[stream] = start;
  to[stream] = next;
  counts[stream] = count;
}

/** Output tokens as its events tell them: one for each, unless the server said how many. */
export function tokensOfEvents({ chunks: { columns, from, to } }: RequestRecord): number {
  let sum = 0;
  for (let i = from; i < to; i++) if (isGenerated(columns.kind[i])) sum += columns.tokens[i] ?? 0;
  return sum;
}

/** How many of its events carried tokens. */
export function tokenEvents({ chunks: { columns, from, to } }: RequestRecord): number {
  let events = 0;
  for (let i = from; i < to; i++) if (isGenerated(columns.kind[i]) && (columns.tokens[i] ?? 0) > 0) events++;
  return events;
}

function isGenerated(kind: number | undefined): boolean {
  return kind === stampCodes.text || kind === stampCodes.reasoning || kind === stampCodes.tool;
}

/** When it came. */
export function firstToken({ chunks }: RequestRecord): Nanoseconds | undefined {
  const place = firstGenerated(chunks);
  return place < chunks.to ? chunks.columns.at[place] : undefined;
}

// By index, here and below: an array's own search calls back for each, and a report asks for these dozens of times a request.
function firstGenerated({ columns: { kind }, from, to }: Chunks): number {
  let place = from;
  while (place < to && !isGenerated(kind[place])) place++;
  return place;
}

function lastToken({
  chunks: {
    columns: { at, kind },
    from,
    to,
  },
}: RequestRecord): Nanoseconds | undefined {
  let place = to - 1;
  while (place >= from && !isGenerated(kind[place])) place--;
  return place < from ? undefined : at[place];
}

/** From the first event to the last: what came in that time. A reply that came all at once tells nothing of how long a token takes. */
function decodingOf(record: RequestRecord): { seconds: Seconds; tokens: number } | undefined {
  const { outputTokens, chunks } = record;
  const seconds = elapsed(firstToken(record), lastToken(record));
  if (outputTokens === undefined || seconds === undefined || seconds <= 0) return undefined;
  const tokens = outputTokens - Math.max(1, chunks.columns.tokens[firstGenerated(chunks)] ?? 1);
  return tokens < 1 ? undefined : { seconds, tokens };
}

function elapsed(from: Nanoseconds | undefined, to: Nanoseconds | undefined): Seconds | undefined {
  return from === undefined || to === undefined ? undefined : toSeconds(to - from);
}
