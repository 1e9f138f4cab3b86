import { grouped } from "../model/grouped.ts";
import type { RequestRecord } from "../model/record.ts";
import { toNanoseconds } from "../model/time.ts";
import { ttft } from "./latency.ts";
import { isCompleted } from "./summary.ts";

/** Of so many, the median is still that of the others, to within five percentiles. */
const tolerance = 0.1;

/**
 * Whether so many of an engine's warm requests came before what they were to find again that their median is of that, as a phrase; undefined
 * where few did. Only completed ones count.
 */
export function tooEarly(records: readonly RequestRecord[]): string | undefined {
  const warm = records.filter(isWarm).length;
  const early = earlyOnes(records);
  return early <= tolerance * warm
    ? undefined
    : `${grouped(early)} of ${grouped(warm)} warm requests were sent while most cold ones before them had no reply yet`;
}

/**
 * Warm requests whose context was rather still being computed than stored. Which cold request had it first is not in the records, so it is
 * taken for any of those sent before, in the same block.
 */
function earlyOnes(records: readonly RequestRecord[]): number {
  const blocks = Map.groupBy(records, ({ block }) => block);
  return [...blocks.values()].reduce((sum, block) => sum + earlyOnesOf(block), 0);
}

function earlyOnesOf(block: readonly RequestRecord[]): number {
  const cold = block.filter(({ cache }) => cache === "cold");
  const sent = ascending(cold.map((record) => record.sent));
  const begun = ascending(cold.map(begunAt));
  return block.filter(isWarm).filter((record) => before(record, begun) * 2 < before(record, sent)).length;
}

/** Of its first token, whatever became of it afterwards. */
function begunAt(record: RequestRecord): number | undefined {
  const wait = ttft(record);
  return wait === undefined || record.sent === undefined ? undefined : record.sent + toNanoseconds(wait);
}

function ascending(values: readonly (number | undefined)[]): Float64Array {
  return Float64Array.from(values.filter((value) => value !== undefined)).sort();
}

/** How many of these times, in ascending order, are not after the one at which a request was sent. Warm ones of the same moment follow the cold ones. */
function before({ sent = 0 }: RequestRecord, times: Float64Array): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= sent) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isWarm(record: RequestRecord): boolean {
  return record.cache === "warm" && isCompleted(record);
}
