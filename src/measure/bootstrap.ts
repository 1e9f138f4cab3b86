import { drawBelow, type Draw } from "../model/draw.ts";
import type { Interval } from "../model/figures.ts";
import { intervalOfMean } from "./intervalOfMean.ts";
import { normalShare } from "./normalShare.ts";
import { studentT } from "./studentT.ts";

const resamples = 10_000;
/** From here on Student's t gives the same interval at once, and drawing it would take 150 ms or more. */
const drawnBelow = 500;

/**
 * Of a mean at 95 %: percentile bootstrap with expanded percentiles, which keep their promise for few values too
 * (T. C. Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69, 2015). Missing below two values.
 */
export function bootstrapInterval(values: Float64Array, mean: number, draw: Draw): Interval | undefined {
  const count = values.length;
  const t = studentT(count - 1);
  if (t === undefined) return undefined;
  if (count >= drawnBelow) return intervalOfMean(values, mean);
  const means = resampledMeans(values, draw);
  const below = normalShare(-Math.sqrt(count / (count - 1)) * t);
  const low = means[Math.floor(below * (resamples - 1))] ?? mean;
  const high = means[Math.ceil((1 - below) * (resamples - 1))] ?? mean;
  // Of values that are all alike, a resampled mean may differ from the mean by a rounding.
  return [Math.min(low, mean), Math.max(high, mean)];
}

function resampledMeans(values: Float64Array, draw: Draw): Float64Array {
  const count = values.length;
  const means = new Float64Array(resamples);
  for (let sample = 0; sample < resamples; sample++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[drawBelow(count, draw)] ?? 0;
    means[sample] = sum / count;
  }
  return means.sort();
}
