import type { Distribution, Interval } from "../model/figures.ts";
import type { Seconds } from "../model/time.ts";
import { gapsAtRanks } from "./gapRanks.ts";
import { intervalOfMean } from "./intervalOfMean.ts";
import { known } from "./known.ts";
import type { Gaps } from "./latency.ts";
import { fewestEven, fewestWaves, inCompany, intervalOverWaves, overWaves } from "./overWaves.ts";
import { meanOf, sum } from "./sums.ts";

/**
 * The fewest values that carry a percentile at 99 % confidence: below them it is missing.
 * MLPerf early stopping: 64 values for p90, 662 for p99.
 */
export const fewestFor = { p90: 64, p99: 662 } as const;

/** Which requests the values of one metric came with. */
export interface Company {
  /** Of each value, which one it came in; missing where every one came by itself. */
  readonly waves?: readonly number[];
  /** How many requests were under way at once. */
  readonly underWay: number;
}

const alone: Company = { underWay: 0 };

/** Values of one metric, in the order in which they came; missing ones are left out and never count as 0. */
export function distribution(values: readonly (number | undefined)[], company = alone): Distribution {
  const inOrder = valuesIn(values);
  const sorted = inOrder.toSorted();
  const mean = sorted.length === 0 ? undefined : meanOf(sorted);
  const ofThese = inOrder.length === values.length ? company : ofThose(company, (place) => values[place] !== undefined);
  const interval = mean === undefined ? undefined : intervalOf(inOrder, ofThese, mean);
  return known({
    ...rangeOf(sorted),
    ...percentiles(sorted.length, (share) => nearestRank(sorted, share)),
    mean,
    meanInterval: interval && possible(interval, sorted),
  });
}

function ofThose({ waves, underWay }: Company, isOne: (place: number) => boolean): Company {
  return known({ waves: waves?.filter((_, place) => isOne(place)), underWay });
}

/** Of their mean, in the order in which they came; of few waves there is none, since what befalls a wave befalls all of it. */
function intervalOf(values: Float64Array, { waves, underWay }: Company, mean: number): Interval | undefined {
  const found = waves === undefined ? { values, even: values.length } : overWaves(values, waves, mean);
  const count = found.values.length;
  if (count < values.length && (count < fewestWaves || found.even < fewestEven)) return undefined;
  return intervalOverWaves(inCompany(found, (underWay * count) / values.length), mean, intervalOfMean);
}

/** What is never below 0, such as a time, has no mean there either. */
function possible([low, high]: Interval, sorted: Float64Array): Interval {
  return (sorted[0] ?? -1) >= 0 ? [Math.max(0, low), high] : [low, high];
}

/** A gap of weight k counts k times; `count` and the fewest values for a tail are gaps, not weights. */
export function gapDistribution(gaps: Gaps, company = alone): Distribution {
  const totals = totalsOf(gaps);
  const [weight, count] = [sum(totals.weights), sum(gaps.counts)];
  const mean = weight === 0 ? undefined : sum(totals.seconds) / weight;
  const ranks = percentiles(count, (share) => rankOf(share * weight));
  const asked = Object.values(ranks).filter((rank) => rank !== undefined);
  const values = new Map<number | undefined, Seconds | undefined>(gapsAtRanks(gaps, asked).map((value, index) => [asked[index], value]));
  return known({
    count,
    min: count === 0 ? undefined : totals.min,
    max: count === 0 ? undefined : totals.max,
    p50: values.get(ranks.p50),
    p90: values.get(ranks.p90),
    p99: values.get(ranks.p99),
    mean,
    meanInterval: mean === undefined ? undefined : intervalOverStreams(totals, company, mean),
  });
}

export function sortedValues(values: readonly (number | undefined)[]): Float64Array {
  return valuesIn(values).sort();
}

function valuesIn(values: readonly (number | undefined)[]): Float64Array {
  const found = new Float64Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== undefined) found[count++] = value;
  }
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

function rangeOf(sorted: Float64Array) {
  return { count: sorted.length, min: sorted[0], max: sorted.at(-1) };
}

/** Asks for the lowest first; undefined where there are too few values. */
function percentiles(count: number, at: (share: number) => number | undefined) {
  return {
    p50: count === 0 ? undefined : at(0.5),
    p90: count < fewestFor.p90 ? undefined : at(0.9),
    p99: count < fewestFor.p99 ? undefined : at(0.99),
  };
}

/** Of all the gaps, stream by stream. */
interface StreamTotals {
  /** Each gap as often as it weighs. */
  readonly seconds: Float64Array;
  readonly weights: Float64Array;
  /** Of all streams. */
  readonly min: Seconds;
  readonly max: Seconds;
}

function totalsOf({ seconds, weights, from, to }: Gaps): StreamTotals {
  const totals = { seconds: new Float64Array(from.length), weights: new Float64Array(from.length) };
  let [min, max] = [Infinity, -Infinity];
  for (let stream = 0; stream < from.length; stream++) {
    const end = to[stream] ?? 0;
    let [total, weight] = [0, 0];
    for (let place = from[stream] ?? 0; place < end; place++) {
      const times = weights[place] ?? 0;
      const gap = seconds[place] ?? 0;
      total += gap * times;
      weight += times;
      if (gap < min) min = gap;
      if (gap > max) max = gap;
    }
    totals.seconds[stream] = total;
    totals.weights[stream] = weight;
  }
  return { ...totals, min, max };
}

/**
 * Gaps within a stream are alike, so a stream, not a gap, is one observation: the ratio estimator of survey statistics. Streams in the order in which
 * they were due; one without gaps is none.
 */
function intervalOverStreams({ seconds, weights }: StreamTotals, company: Company, mean: number): Interval | undefined {
  const hasGaps = (stream: number) => (weights[stream] ?? 0) > 0;
  const residuals = seconds.map((total, stream) => total - mean * (weights[stream] ?? 0)).filter((_, stream) => hasGaps(stream));
  const interval = intervalOf(residuals, ofThose(company, hasGaps), 0);
  const usual = sum(weights) / residuals.length;
  return interval && [mean + interval[0] / usual, mean + interval[1] / usual];
}
