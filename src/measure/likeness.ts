import type { Interval } from "../model/figures.ts";
import { timesWider } from "./studentT.ts";
import { meanOf } from "./sums.ts";

/** A longer series is looked at in so many averages of neighbours: the slow changes, which matter, are in those too. */
const mostPoints = 2_000;

/**
 * Of as many independent values their mean would be as certain. That is fewer than there are where neighbours are alike, as requests in one
 * queue are, and on a machine that is slower at times: by the sum of the autocorrelations of the values in the order in which they came,
 * Geyer's initial monotone sequence (C. J. Geyer, Practical Markov Chain Monte Carlo, Statistical Science 7, 1992). Two at least.
 */
export function independentOf(inOrder: Float64Array): number {
  const count = inOrder.length;
  const ofOne = spreadOf(inOrder) / count;
  const ofNeighbours = varianceOfMean(centred(averagesOf(inOrder)));
  return ofOne > 0 && ofNeighbours > ofOne ? Math.max(Math.min(2, count), (count * ofOne) / ofNeighbours) : count;
}

/** An interval of their mean that takes values for independent, as wide as it is without that: of fewer values, whose spread looks too small. */
export function widened(interval: Interval, mean: number, inOrder: Float64Array): Interval {
  return stretched(interval, mean, widening(inOrder.length, independentOf(inOrder)));
}

/** So many times as wide, around its mean. */
export function stretched([low, high]: Interval, mean: number, times: number): Interval {
  return [mean + (low - mean) * times, mean + (high - mean) * times];
}

function widening(count: number, independent: number): number {
  if (independent === count) return 1;
  const times = count / independent;
  return Math.sqrt((times * (count - 1)) / Math.max(1, count - times)) * timesWider(count, independent);
}

function averagesOf(values: Float64Array): Float64Array {
  const size = Math.ceil(values.length / mostPoints);
  if (size <= 1) return values;
  const points = Math.floor(values.length / size);
  return Float64Array.from({ length: points }, (_, point) => meanOf(values.subarray(point * size, (point + 1) * size)));
}

/** Autocovariances two by two, as long as their sums are above 0, and none above the one before it. */
function varianceOfMean(points: Float64Array): number {
  let [sum, least] = [0, Infinity];
  for (let lag = 0; lag + 1 < points.length; lag += 2) {
    least = Math.min(least, autocovariance(points, lag) + autocovariance(points, lag + 1));
    if (least <= 0) break;
    sum += least;
  }
  return (2 * sum - autocovariance(points, 0)) / points.length;
}

/** Values that are all alike differ from their mean by roundings, which are all alike too: those are no spread. */
export function spreadOf(values: Float64Array): number {
  const spread = autocovariance(centred(values), 0);
  return spread > (1e-12 * meanOf(values)) ** 2 ? spread : 0;
}

function autocovariance(centred: Float64Array, lag: number): number {
  let sum = 0;
  for (let i = lag; i < centred.length; i++) sum += (centred[i] ?? 0) * (centred[i - lag] ?? 0);
  return sum / centred.length;
}

function centred(values: Float64Array): Float64Array {
  const mean = meanOf(values);
  return values.map((value) => value - mean);
}
