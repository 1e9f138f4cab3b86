import type { Interval } from "../model/figures.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import type { Draw } from "../model/draw.ts";
import { independentOf, widened } from "./likeness.ts";
import { studentT } from "./studentT.ts";

/** The waves that some pairs came in. */
export interface OverWaves {
  /** One for each wave, in the order in which they began; their mean is that of the pairs. Of waves of one pair each, the pairs. */
  readonly values: Float64Array;
  /** So many waves of one size would share the pairs as evenly (L. Kish, Survey Sampling, 1965): 1 where one wave has nearly all. */
  readonly even: number;
}

/**
 * By how much the pairs of each wave lie off the mean in all, as clusters are taken in survey statistics. A wave that has most of the pairs draws
 * their mean to itself and seems to lie near it: so each is held against the mean of the others, which is the jackknife.
 */
export function overWaves(logs: Float64Array, waves: readonly number[], mean: number): OverWaves {
  const [off, sizes] = [new Map<number, number>(), new Map<number, number>()];
  for (let pair = 0; pair < logs.length; pair++) {
    const wave = waves[pair] ?? 0;
    off.set(wave, (off.get(wave) ?? 0) + (logs[pair] ?? 0) - mean);
    sizes.set(wave, (sizes.get(wave) ?? 0) + 1);
  }
  const [count, pairs] = [off.size, logs.length];
  if (count === pairs) return { values: logs, even: count };
  if (count < 2) return { values: Float64Array.of(mean), even: count };
  const scaled = Float64Array.from(off, ([wave, sum]) => (sum * (count - 1)) / (pairs - (sizes.get(wave) ?? 0)));
  const middle = scaled.reduce((sum, value) => sum + value, 0) / count;
  const squares = [...sizes.values()].reduce((sum, size) => sum + size * size, 0);
  return { values: scaled.map((value) => mean + value - middle), even: (pairs * pairs) / squares };
}

/** Of the mean at 95 %, with as many degrees of freedom as even waves would have: where one has most of the pairs the others tell little. */
export function intervalOverWaves({ values, even }: OverWaves, mean: number, draw: Draw): Interval | undefined {
  const interval = bootstrapInterval(values.toSorted(), mean, draw);
  const [asMany, asFew] = [studentT(values.length - 1), studentT(Math.max(1, Math.round(even) - 1))];
  if (interval === undefined || asMany === undefined || asFew === undefined) return interval;
  const [low, high] = widened(interval, mean, values);
  const times = asFew / asMany;
  return [mean + (low - mean) * times, mean + (high - mean) * times];
}

/** Of so many independent pairs, as unlike as these, the mean would be as certain as the waves make it. */
export function independentPairs(logs: Float64Array, { values }: OverWaves): number {
  const independent = independentOf(values);
  const [ofPairs, ofWaves] = [varianceOf(logs), varianceOf(values)];
  return values === logs || ofWaves === 0 ? independent : Math.min(logs.length, (independent * ofPairs) / ofWaves);
}

function varianceOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
