import type { RequestRecord } from "../model/record.ts";
import { tokensOfEvents } from "./latency.ts";
import { sumOf } from "./sums.ts";
import { isCompleted } from "./summary.ts";

/**
 * Where usage comes at the end alone, how many tokens the first event had is not told, and one is taken off: with k in each, throughput is
 * (n − 1) / (n − k) times what it was, and TPOT so much shorter. k is what an event carries on average.
 */
export function tooHighBy(records: readonly RequestRecord[]): number {
  const replies = records.filter(isCompleted);
  const [tokens, events] = [sumOf(replies, ({ outputTokens = 0 }) => outputTokens), sumOf(replies, tokensOfEvents)];
  const more = events === 0 ? 0 : replies.length * Math.max(0, tokens / events - 1);
  return tokens > replies.length + more ? (tokens - replies.length) / (tokens - replies.length - more) : 1;
}
