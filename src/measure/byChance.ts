import type { Comparison } from "../model/figures.ts";
import { normalShare } from "./normalShare.ts";

/** Half the width of a 95 % interval. */
const standardErrors = 1.96;

/**
 * About how many of these would be better or worse if no engine differed, as far as their intervals hold the truth in 95 % of runs. One whose interval
 * is wide beside its margin would in 1 run of 20, one whose interval is narrow hardly ever: it would have to miss by the margin besides.
 */
export function falseByChance(comparisons: readonly Comparison[]): number {
  return comparisons.reduce((sum, { interval, margin }) => {
    if (interval === undefined) return sum;
    const half = Math.log(interval[1] / interval[0]) / 2;
    return half > 0 ? sum + 2 * normalShare(-standardErrors * (1 + Math.log1p(margin) / half)) : sum;
  }, 0);
}
