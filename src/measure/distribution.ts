import type { Distribution, Interval } from "../model/figures.ts";
import { known } from "./known.ts";
import type { Gaps } from "./latency.ts";
import { widened } from "./likeness.ts";
import { Selection } from "./selection.ts";
import { studentT } from "./studentT.ts";

/**
 * The fewest values that carry a percentile at 99 % confidence: below them it is missing.
 * MLPerf early stopping: 64 values for p90, 662 for p99.
 */
export const fewestFor = { p90: 64, p99: 662 } as const;

/** Values of one metric, in the order in which they came; missing ones are left out and never count as 0. */
export function distribution(values: readonly (number | undefined)[]): Distribution {
  const inOrder = valuesIn(values);
  const sorted = inOrder.toSorted();
  const mean = meanOf(sorted);
  const interval = mean === undefined ? undefined : intervalOfMean(sorted, mean);
  return known({
    ...rangeOf(sorted),
    ...percentiles(sorted.length, (share) => nearestRank(sorted, share)),
    mean,
    meanInterval: mean === undefined || interval === undefined ? undefined : widened(interval, mean, inOrder),
  });
}

/** A gap of weight k counts k times; `count` and the fewest values for a tail are gaps, not weights. Leaves them in another order. */
export function gapDistribution(gaps: Gaps): Distribution {
  const totals = totalsOf(gaps).filter(({ weight }) => weight > 0);
  const weight = totals.reduce((sum, stream) => sum + stream.weight, 0);
  const mean = weight === 0 ? undefined : totals.reduce((sum, { seconds }) => sum + seconds, 0) / weight;
  const selection = new Selection(gaps);
  return known({
    ...rangeOf(gaps.seconds),
    ...percentiles(gaps.seconds.length, (share) => selection.atRank(rankOf(share * weight))),
    mean,
    meanInterval: mean === undefined ? undefined : intervalOverStreams(totals, mean),
  });
}

export function sortedValues(values: readonly (number | undefined)[]): Float64Array {
  return valuesIn(values).sort();
}

function valuesIn(values: readonly (number | undefined)[]): Float64Array {
  const found = new Float64Array(values.length);
  let count = 0;
  for (const value of values) if (value !== undefined) found[count++] = value;
  return found.subarray(0, count);
}

/** Always one of the values: the smallest that at least `share` of all are not above. */
export function nearestRank(sorted: Float64Array, share: number): number | undefined {
  return sorted[rankOf(share * sorted.length) - 1];
}

/** The p99, or where there are too few values for one, the highest of them: what limits are held against. */
export function tailOf(sorted: Float64Array): number | undefined {
  return sorted.length < fewestFor.p99 ? sorted.at(-1) : nearestRank(sorted, 0.99);
}

function rankOf(position: number): number {
  return Math.max(1, Math.ceil(position));
}

/** By index: an iterator makes an object for every value, and there may be tens of millions. */
function rangeOf(values: Float64Array) {
  if (values.length === 0) return { count: 0 };
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { count: values.length, min, max };
}

/** Asks for the lowest first; undefined where there are too few values. */
function percentiles(count: number, at: (share: number) => number | undefined) {
  return {
    p50: count === 0 ? undefined : at(0.5),
    p90: count < fewestFor.p90 ? undefined : at(0.9),
    p99: count < fewestFor.p99 ? undefined : at(0.99),
  };
}

function meanOf(values: Float64Array): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** At 95 %, by Student's t; missing below two values. */
export function intervalOfMean(values: Float64Array, mean: number): Interval | undefined {
  const count = values.length;
  const t = studentT(count - 1);
  if (t === undefined) return undefined;
  const half = t * Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1) / count);
  return [mean - half, mean + half];
}

interface StreamTotal {
  /** Of all its gaps, each as often as it weighs. */
  readonly seconds: number;
  readonly weight: number;
}

function totalsOf({ seconds, weights, ends }: Gaps): readonly StreamTotal[] {
  return Array.from(ends, (end, stream) => totalOf(seconds, weights, ends[stream - 1] ?? 0, end));
}

/** A function of its own: in a closure, V8 makes an object of every sum on the way. */
function totalOf(seconds: Float64Array, weights: Int32Array, from: number, to: number): StreamTotal {
  let sum = 0;
  let weight = 0;
  for (let place = from; place < to; place++) {
    const times = weights[place] ?? 0;
    sum += (seconds[place] ?? 0) * times;
    weight += times;
  }
  return { seconds: sum, weight };
}

/** Gaps within a stream are alike, so a stream, not a gap, is one observation: the ratio estimator of survey statistics. Streams in the order in which they were due. */
function intervalOverStreams(streams: readonly StreamTotal[], mean: number): Interval | undefined {
  const count = streams.length;
  const t = studentT(count - 1);
  if (t === undefined) return undefined;
  const squares = streams.reduce((sum, { seconds, weight }) => sum + (seconds - mean * weight) ** 2, 0);
  const all = streams.reduce((sum, { weight }) => sum + weight, 0);
  const half = (t * Math.sqrt((squares * count) / (count - 1))) / all;
  const residuals = Float64Array.from(streams, ({ seconds, weight }) => seconds - mean * weight);
  return widened([mean - half, mean + half], mean, residuals);
}
