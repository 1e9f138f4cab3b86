import type { Interval } from "../model/figures.ts";
import { intervalOfMean } from "./intervalOfMean.ts";
import { independentOf, spreadOf, stretched, widened } from "./likeness.ts";
import { timesWider } from "./studentT.ts";
import { meanOf, sumOf } from "./sums.ts";

/** Waves it takes for an interval. */
export const fewestWaves = 6;
/** Waves, as even as they are, below which one has more of the values than all the others together. */
export const fewestEven = 2;

/** The waves that some values came in: those of an engine's requests, or of pairs. */
export interface OverWaves {
  /** One for each wave, in the order in which they began; their mean is that of all. Of waves of one value each, the values. */
  readonly values: Float64Array;
  /** So many waves of one size would share the values as evenly (L. Kish, Survey Sampling, 1965): 1 where one wave has nearly all. */
  readonly even: number;
}

/**
 * By how much the values of each wave lie off the mean in all, as clusters are taken in survey statistics. A wave that has most of them draws
 * their mean to itself and seems to lie near it: so each is held against the mean of the others, which is the jackknife.
 */
export function overWaves(all: Float64Array, waves: readonly number[], mean: number): OverWaves {
  const [off, sizes] = [new Map<number, number>(), new Map<number, number>()];
  for (let place = 0; place < all.length; place++) {
    const wave = waves[place] ?? 0;
    off.set(wave, (off.get(wave) ?? 0) + (all[place] ?? 0) - mean);
    sizes.set(wave, (sizes.get(wave) ?? 0) + 1);
  }
  const count = off.size;
  if (count === all.length) return { values: all, even: count };
  if (count < 2) return { values: Float64Array.of(mean), even: count };
  const scaled = Float64Array.from(off, ([wave, sum]) => (sum * (count - 1)) / (all.length - (sizes.get(wave) ?? 0)));
  const middle = meanOf(scaled);
  const squares = sumOf([...sizes.values()], (size) => size * size);
  return { values: scaled.map((value) => mean + value - middle), even: all.length ** 2 / squares };
}

/** Standard errors by which averages must differ more than those of independent values would. */
const beyondChance = 1.5;

/**
 * Requests that are under way together share their company. What that makes of each hides beneath what differs from one to the next: too little to be
 * seen between neighbours, too slow to cancel out. So averages of as many neighbours as are under way at once take their place, six at least, where
 * they differ by more than chance has it and make the mean less certain: the interval is never narrower than without them. Batch means:
 * B. Schmeiser, Batch Size Effects in the Analysis of Simulation Output, Operations Research 30, 1982.
 */
export function inCompany(over: OverWaves, underWay: number, intervalOf: IntervalOf = intervalOfMean): OverWaves {
  const { values, even } = over;
  const groups = Math.max(fewestWaves, Math.floor(values.length / Math.max(1, Math.round(underWay))));
  if (groups * 2 > values.length) return over;
  const averaged = { values: averagesOf(values, groups), even: Math.min(even, groups) };
  const asIndependent = (varianceOf(values) * groups) / values.length;
  const isByChance = varianceOf(averaged.values) <= asIndependent * (1 + beyondChance * Math.sqrt(2 / (groups - 1)));
  return isByChance || widthOver(averaged, intervalOf) <= widthOver(over, intervalOf) ? over : averaged;
}

/** As fewer even waves make it, too: else averages of waves of unlike sizes, of which there are fewer, would count as wider where they are not. */
function widthOver(over: OverWaves, intervalOf: IntervalOf): number {
  const mean = meanOf(over.values);
  const [low, high] = intervalOverWaves(over, mean, intervalOf) ?? [mean, mean];
  return high - low;
}

/** Of groups of neighbours as even as can be; their mean is that of all. */
function averagesOf(values: Float64Array, groups: number): Float64Array {
  const edge = (group: number) => Math.round((group * values.length) / groups);
  const averages = Float64Array.from({ length: groups }, (_, group) => meanOf(values.subarray(edge(group), edge(group + 1))));
  const off = meanOf(values) - meanOf(averages);
  return averages.map((average) => average + off);
}

/** Of a mean at 95 %, of values that are taken for independent. */
export type IntervalOf = (values: Float64Array, mean: number) => Interval | undefined;

/** The same over waves, with as many degrees of freedom as even ones would have: where one has most of the values the others tell little. */
export function intervalOverWaves({ values, even }: OverWaves, mean: number, intervalOf: IntervalOf): Interval | undefined {
  const interval = intervalOf(values, mean);
  return interval && stretched(widened(interval, mean, values), mean, timesWider(values.length, even));
}

/** Of so many independent pairs, as unlike as these, the mean would be as certain as the waves make it. */
export function independentPairs(logs: Float64Array, { values }: OverWaves): number {
  const independent = independentOf(values);
  const [ofPairs, ofWaves] = [varianceOf(logs), varianceOf(values)];
  return values === logs || ofWaves === 0 ? independent : Math.min(logs.length, (independent * ofPairs) / ofWaves);
}

function varianceOf(values: Float64Array): number {
  return (spreadOf(values) * values.length) / (values.length - 1);
}
