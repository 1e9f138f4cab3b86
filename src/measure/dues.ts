import type { Seconds } from "../model/time.ts";

/** The most requests that fall due at the very same moment. */
export function mostDueAtOnce(dues: readonly Seconds[]): number {
  return longestWithin(0, Float64Array.from(dues).sort()).length;
}

/** Those of the second in which most requests fall due; in ascending order. */
export function busiestSecond(dues: readonly Seconds[]): readonly Seconds[] {
  return [...longestWithin(1, Float64Array.from(dues).sort())];
}

function longestWithin(time: Seconds, sorted: Float64Array): Float64Array {
  let [from, to] = [0, 0];
  let first = 0;
  for (let last = 0; last < sorted.length; last++) {
    while ((sorted[last] ?? 0) - (sorted[first] ?? 0) > time) first++;
    if (last + 1 - first > to - from) [from, to] = [first, last + 1];
  }
  return sorted.subarray(from, to);
}
