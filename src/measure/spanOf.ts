import type { RequestRecord } from "../model/record.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { sumOf } from "./sums.ts";

/**
 * First sent to last ended, block by block: each has a clock of its own, and between them this engine may have had nothing to do. Undefined where nobody
 * knows when one that failed had ended, as of a CSV: the last ones may have been waited for long after all others were over.
 */
export function spanOf(records: readonly RequestRecord[]): Seconds | undefined {
  if (records.some(({ outcome, ended }) => ended === undefined && outcome.kind === "failed")) return undefined;
  const blocks = Map.groupBy(records, ({ block }) => block);
  const span = sumOf([...blocks.values()], spanOfBlock);
  return span > 0 ? span : undefined;
}

function spanOfBlock(records: readonly RequestRecord[]): Seconds {
  let [from, to] = [Infinity, -Infinity];
  for (const { sent, ended } of records) {
    if (sent !== undefined) from = Math.min(from, sent);
    if (ended !== undefined) to = Math.max(to, ended);
  }
  return to > from ? toSeconds(to - from) : 0;
}
