import type { RequestRecord } from "../model/record.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { sumOf } from "./sums.ts";

/**
 * First sent to last ended, block by block: each has a clock of its own, and between them this engine may have had nothing to do. Undefined where nobody
 * knows when one that failed had ended, as of a CSV of lmcache-tests: the last ones may have been waited for long after all others were over.
 */
export function spanOf(records: readonly RequestRecord[]): Seconds | undefined {
  if (records.some(endsUnknown)) return undefined;
  const blocks = Map.groupBy(records, ({ block }) => block);
  const span = sumOf([...blocks.values()], spanOfBlock);
  return span > 0 ? span : undefined;
}

/** It has failed, and nobody knows when. */
export function endsUnknown({ outcome, ended }: RequestRecord): boolean {
  return ended === undefined && outcome.kind === "failed";
}

function spanOfBlock(records: readonly RequestRecord[]): Seconds {
  let [from, to] = [Infinity, -Infinity];
  for (const { sent, ended } of records) {
    if (sent !== undefined) from = Math.min(from, sent);
    if (ended !== undefined) to = Math.max(to, ended);
  }
  return to > from ? toSeconds(to - from) : 0;
}
