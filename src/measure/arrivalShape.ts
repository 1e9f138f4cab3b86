import type { RequestRecord } from "../model/record.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { sentFirst } from "./latency.ts";
import { meanOf } from "./sums.ts";
import { shapeLeast } from "./validityLimits.ts";

export interface ArrivalShape {
  /** How far the gaps between what was sent are from those of the schedule, sorted by length: on average, at the same mean. */
  readonly off: Seconds;
  /** Beyond what nobody can tell, by the mean gap. */
  readonly share: number;
  readonly meanGap: Seconds;
  readonly isLessEven: boolean;
}

/**
 * How one engine's requests of a block came, against how they were to come, whatever the rate. What waits for another's end has no schedule, and
 * of what is due in one instant the first counts. Undefined where there are too few gaps.
 */
export function arrivalShape(records: readonly RequestRecord[]): ArrivalShape | undefined {
  const firsts = new Map<Nanoseconds, Nanoseconds>();
  for (const record of records) {
    const [first, { due, after }] = [sentFirst(record), record];
    if (first !== undefined && after === undefined) firsts.set(due, Math.min(first, firsts.get(due) ?? Infinity));
  }
  if (firsts.size <= shapeLeast.gaps) return undefined;
  const [asked, sent] = [gapsOf([...firsts.keys()]), gapsOf([...firsts.values()])];
  const [meanAsked, meanSent] = [meanOf(asked), meanOf(sent)];
  if (meanSent === 0) return undefined;
  const scaled = sent.map((gap) => (gap * meanAsked) / meanSent);
  const off = meanOf(scaled.map((gap, index) => Math.abs(gap - (asked[index] ?? 0))));
  return {
    off,
    share: Math.max(0, off - shapeLeast.seconds) / meanAsked,
    meanGap: meanAsked,
    isLessEven: unevenness(scaled, meanAsked) > unevenness(asked, meanAsked),
  };
}

/** The shortest first. */
function gapsOf(times: readonly Nanoseconds[]): Float64Array {
  const sorted = Float64Array.from(times).sort();
  return Float64Array.from(sorted.subarray(1), (time, index) => toSeconds(time - (sorted[index] ?? 0))).sort();
}

function unevenness(gaps: Float64Array, mean: Seconds): Seconds {
  return meanOf(gaps.map((gap) => Math.abs(gap - mean)));
}
