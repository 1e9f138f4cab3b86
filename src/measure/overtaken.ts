import type { RequestRecord } from "../model/record.ts";
import { toNanoseconds } from "../model/time.ts";
import { ttft } from "./latency.ts";
import { tokensAdded } from "./tokensAdded.ts";
import { toldCached } from "./toldCached.ts";

/** Of a prompt, in the cache, beyond what an engine adds to each. */
export function foundOf(record: RequestRecord): number {
  return Math.max(0, (toldCached(record) ?? 0) - tokensAdded(record));
}

/**
 * Which cold requests of an engine may have found what a later one had computed: it fell due before they had their first token, and did not find itself
 * what it was to find. Which requests begin alike is not in the records, so any of the same block may be that one.
 */
export function mayBeOvertaken(replies: readonly RequestRecord[]): (cold: RequestRecord) => boolean {
  const blocks = Map.groupBy(replies.filter(cameFirst), ({ block }) => block);
  const dues = new Map([...blocks].map(([block, own]) => [block, Float64Array.from(own, ({ due }) => due).sort()]));
  return (cold) => {
    const { block, due, sent = due } = cold;
    return firstFrom(due, dues.get(block) ?? none) < sent + toNanoseconds(ttft(cold) ?? 0);
  };
}

const none = new Float64Array();

/** It found less than half of what an earlier one was to have left for it. */
function cameFirst(record: RequestRecord): boolean {
  return record.reusableTokens > 0 && toldCached(record) !== undefined && 2 * foundOf(record) < record.reusableTokens;
}

/** Infinity where there is none. */
function firstFrom(time: number, sorted: Float64Array): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return sorted[low] ?? Infinity;
}
