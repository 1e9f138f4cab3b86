import type { RequestRecord } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { distribution, gapDistribution } from "./distribution.ts";
import { busiestSecond, mostDueAtOnce } from "./dues.ts";
import { gaps, tokenEvents, ttft } from "./latency.ts";
import { startsOf } from "./startsOf.ts";

/** A load, as far as the ruler cares: what a calibration plays again. */
export interface ObservedLoad {
  /** The most streams open at the same time. */
  readonly streams: number;
  /** From sending a request to its first token: median; longer where so many streams would else be more requests a second than ever fell due. */
  readonly first: Seconds;
  /** Events with tokens in a reply: median. */
  readonly tokens: number;
  /** Between two of them: median, 0 where replies have one. */
  readonly gap: Seconds;
  readonly promptTokens: number;
  /** The most requests that were due at the same moment. */
  readonly atOnce: number;
  /** Those that were due within the busiest second. */
  readonly perSecond: number;
}

/** What the harness had to do in an experiment; undefined when nothing was received. */
export function observedLoad(experiment: Pick<ExperimentResult, "records" | "starts">): ObservedLoad | undefined {
  const { records } = experiment;
  const first = distribution(records.map(ttft)).p50;
  const tokens = distribution(records.map(tokenEvents).filter((events) => events > 0)).p50;
  const promptTokens = distribution(records.map((record) => record.contextTokens + record.questionTokens)).p50;
  if (first === undefined || tokens === undefined || promptTokens === undefined) return undefined;
  const gap = gapDistribution(gaps(records)).p50 ?? 0;
  // Times count from a start: blocks, and engines that are in turn, have one each and are not at the same time.
  const startOf = startsOf(experiment);
  const beside = [...Map.groupBy(records, ({ block, engine }) => startOf(engine, block) ?? block).values()];
  const most = (of: (records: readonly RequestRecord[]) => number) => Math.max(...beside.map(of));
  const [streams, atOnce] = [most(openAtOnce), most((together) => mostDueAtOnce(dues(together)))];
  const perSecond = most((together) => busiestSecond(dues(together)).length);
  // The most streams may have been open for a moment only. Those of a burst are no rate.
  const wait = streams > atOnce ? streams / perSecond - (tokens - 1) * gap : 0;
  return { streams, first: Math.max(first, wait), tokens, gap, promptTokens, atOnce, perSecond };
}

/** Output tokens a second of all its streams, as long as they are open. */
export function tokensPerSecond({ streams, first, tokens, gap }: Pick<ObservedLoad, "streams" | "first" | "tokens" | "gap">): number {
  return (streams * tokens) / (first + (tokens - 1) * gap);
}

function dues(records: readonly RequestRecord[]): readonly Seconds[] {
  return records.filter(({ sent }) => sent !== undefined).map(({ due }) => toSeconds(due));
}

function openAtOnce(records: readonly RequestRecord[]): number {
  const changes = records.flatMap(({ sent, ended }) =>
    sent === undefined || ended === undefined ? [] : [[sent, 1] as const, [ended, -1] as const],
  );
  changes.sort(([one, by], [other, byOther]) => one - other || by - byOther);
  let open = 0;
  let most = 0;
  for (const [, by] of changes) {
    open += by;
    most = Math.max(most, open);
  }
  return most;
}
