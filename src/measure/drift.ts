import type { RequestRecord } from "../model/record.ts";
import { smallestOf } from "../model/extremes.ts";
import { toNanoseconds, type Seconds } from "../model/time.ts";
import { nearestRank, sortedValues } from "./distribution.ts";
import { e2e, tpot, ttft } from "./latency.ts";
import { widened } from "./likeness.ts";
import { studentT } from "./studentT.ts";
import { sumOf } from "./sums.ts";
import { isCompleted } from "./summary.ts";

/** How the second half of an engine's requests differs from the first. */
export interface HalvesApart {
  readonly metric: "TTFT" | "TPOT";
  /** Second by first, of geometric means. */
  readonly ratio: number;
  /** How far the ratio is from 1 at least, as a share: the nearer end of a 95 % interval, 0 where that holds 1. */
  readonly apart: number;
}

/** Below so many in each half there is no telling a change from chance. */
const fewest = 8;

/** Requests of one kind, the same lengths and cache state, by their places among those that were sent. */
interface Halves {
  readonly first: readonly number[];
  readonly second: readonly number[];
}

/**
 * Whether an engine stayed the same while it was measured: TTFT and TPOT, of cold requests and of warm ones, in the order in which they were
 * sent. Each is held against its like, of the same lengths, and the kinds weigh as many as they are: judged one by one, the most changed of
 * many kinds has changed by chance. Welch's interval (B. L. Welch, Biometrika 34, 1947) of the mean logarithm, first half against second, with
 * as many degrees of freedom as the smaller halves have, never more than Welch's own, and wider where neighbours are alike, as they are in a
 * queue: its waits go up and down for long though nothing changes. Not those that were sent while the engine filled. The metric and cache state that changed most for certain.
 */
export function halvesApart(records: readonly RequestRecord[]): HalvesApart | undefined {
  const sent = settled(records.filter((record) => isCompleted(record) && record.sent !== undefined)).toSorted(
    (one, other) => one.block - other.block || (one.sent ?? 0) - (other.sent ?? 0),
  );
  const found = [...Map.groupBy(sent, ({ cache }) => cache).values()].flatMap((alike) => {
    const kinds = kindsOf(alike);
    return [apart("TTFT", kinds, logarithms(alike, ttft)), apart("TPOT", kinds, logarithms(alike, tpot))];
  });
  return found.reduce((most, one) => (one !== undefined && (most === undefined || one.apart > most.apart) ? one : most), undefined);
}

/** As long as two requests take, from a block's first on: by then an engine that answers many at once has as much company as later. */
const fillingLatencies = 2;

/** Without those that were sent while an engine filled: each meets more company than the one before, or the first of a closed loop all at once. */
function settled(records: readonly RequestRecord[]): readonly RequestRecord[] {
  const usual = nearestRank(sortedValues(records.map(e2e)), 0.5) ?? 0;
  return [...Map.groupBy(records, ({ block }) => block).values()].flatMap((block) => {
    const until = smallestOf(block.map(({ sent = 0 }) => sent)) + toNanoseconds(fillingLatencies * usual);
    const later = block.filter(({ sent = 0 }) => sent >= until);
    return later.length >= block.length - 1 ? block : later; // one alone fills nothing
  });
}

/** The places of those of the same lengths, for each kind that has a history. */
function kindsOf(alike: readonly RequestRecord[]): readonly (readonly number[])[] {
  const kinds = Map.groupBy(alike.keys(), (place) => kindOf(alike[place] as RequestRecord)); // a key of it
  return [...kinds.values()].filter((places) => isOverTime(places.map((place) => alike[place] as RequestRecord)));
}

function kindOf({ contextTokens, questionTokens, maxOutputTokens = 0 }: RequestRecord): string {
  return `${contextTokens} ${questionTokens} ${maxOutputTokens}`;
}

/** What is sent before the first is answered has places in a queue, and no history. Times count from each block's own start. */
function isOverTime(alike: readonly RequestRecord[]): boolean {
  const [first, middle] = [alike[0], alike[Math.ceil(alike.length / 2)]];
  if (first === undefined || middle === undefined) return false;
  const ends = alike.filter(({ block }) => block === first.block).map(({ ended = Infinity }) => ended);
  return middle.block > first.block || (middle.sent ?? 0) > smallestOf(ends);
}

/** Of a time of each request; NaN where it has none above 0. */
function logarithms(alike: readonly RequestRecord[], timeOf: (record: RequestRecord) => Seconds | undefined): Float64Array {
  return Float64Array.from(alike, (record) => Math.log(timeOf(record) || NaN));
}

function apart(metric: HalvesApart["metric"], kinds: readonly (readonly number[])[], times: Float64Array): HalvesApart | undefined {
  const halves = kinds.map((places) => halvesOf(places, times)).filter(({ first }) => first.length >= 2);
  const half = sumOf(halves, ({ first }) => first.length);
  const t = studentT(half - halves.length);
  if (half < fewest || t === undefined) return undefined;
  const mean = (places: readonly number[]) => meanAt(places, times);
  const variance = (places: readonly number[]) => varianceOfMean(places, times);
  const weighed = (of: (halves: Halves) => number, power = 1) => sumOf(halves, (one) => (one.first.length / half) ** power * of(one));
  const difference = weighed(({ first, second }) => mean(second) - mean(first));
  const error = t * Math.sqrt(weighed(({ first, second }) => variance(first) + variance(second), 2));
  const [, margin] = widened([-error, error], 0, residuals(halves, times));
  const nearer = Math.max(0, Math.abs(difference) - margin);
  return { metric, ratio: Math.exp(difference), apart: Math.exp(nearer) - 1 };
}

function halvesOf(places: readonly number[], times: Float64Array): Halves {
  const timed = places.filter((place) => !Number.isNaN(times[place]));
  const half = Math.floor(timed.length / 2);
  return { first: timed.slice(0, half), second: timed.slice(timed.length - half) };
}

/**
 * What is left of each where its half is taken for steady, in the order in which they were sent: a change between the halves must not look like
 * neighbours that are alike.
 */
function residuals(halves: readonly Halves[], times: Float64Array): Float64Array {
  const left = new Float64Array(times.length).fill(NaN);
  for (const half of halves.flatMap(({ first, second }) => [first, second])) {
    const middle = meanAt(half, times);
    for (const place of half) left[place] = (times[place] ?? NaN) - middle;
  }
  return left.filter((residual) => !Number.isNaN(residual));
}

function meanAt(places: readonly number[], times: Float64Array): number {
  return sumOf(places, (place) => times[place] ?? NaN) / places.length;
}

function varianceOfMean(places: readonly number[], times: Float64Array): number {
  const middle = meanAt(places, times);
  return sumOf(places, (place) => ((times[place] ?? NaN) - middle) ** 2) / (places.length - 1) / places.length;
}
