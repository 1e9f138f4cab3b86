import type { RequestRecord } from "../model/record.ts";
import { tokensOfEvents } from "./latency.ts";
import { sumOf } from "./sums.ts";
import { isCompleted } from "./summary.ts";

/**
 * Where usage comes at the end alone, how many tokens the first event had is not told, and one is taken off: with k in each, throughput is
 * (n − 1) / (n − k) times what it was, and TPOT so much shorter. k is what an event carries on average.
 */
export function tooHighBy({ replies, tokens, events }: ToldTokens): number {
  const more = events === 0 ? 0 : replies * Math.max(0, tokens / events - 1);
  return tokens > replies + more ? (tokens - replies) / (tokens - replies - more) : 1;
}

/** Of some replies together. */
export interface ToldTokens {
  readonly replies: number;
  readonly tokens: number;
  /** As their events tell them. */
  readonly events: number;
}

export function toldTokens(records: readonly RequestRecord[]): ToldTokens {
  const replies = records.filter(isCompleted);
  return {
    replies: replies.length,
    tokens: sumOf(replies, ({ outputTokens = 0 }) => outputTokens),
    events: sumOf(replies, tokensOfEvents),
  };
}
