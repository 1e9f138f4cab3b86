import type { RequestRecord } from "../model/record.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { meanOf } from "./sums.ts";

/**
 * The rate at which requests fell due in the second half of an engine's, by that in the first, where the schedule has it change: by a quarter
 * at least, and by more than gaps that are spread as these do by chance (three standard errors of the ratio's logarithm). What waits for an
 * answer has no schedule of its own, and does not count.
 */
export function offeredChange(records: readonly RequestRecord[]): number | undefined {
  const blocks = [...Map.groupBy(records, ({ block }) => block)].sort(([one], [other]) => one - other);
  const gaps = blocks.flatMap(([, block]) => gapsOf(block));
  const half = Math.floor(gaps.length / 2);
  const [first, second] = [gaps.slice(0, half), gaps.slice(-half)];
  const change = meanOf(first) / meanOf(second);
  const error = Math.sqrt(relativeVariance(first) + relativeVariance(second));
  return Math.abs(Math.log(change)) > Math.max(Math.log(1.25), 3 * error) ? change : undefined;
}

/** Of the mean. */
function relativeVariance(gaps: readonly Seconds[]): number {
  const middle = meanOf(gaps);
  return meanOf(gaps.map((gap) => (gap / middle - 1) ** 2)) / (gaps.length - 1);
}

function gapsOf(block: readonly RequestRecord[]): readonly Seconds[] {
  const dues = block.flatMap(({ due, after }) => (after === undefined ? [toSeconds(due)] : [])).sort((one, other) => one - other);
  return dues.slice(1).map((due, index) => due - (dues[index] ?? 0));
}
