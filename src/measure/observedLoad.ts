import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { distribution, gapDistribution } from "./distribution.ts";
import { gaps } from "./latency.ts";

/** A load, as far as the ruler cares: what a calibration plays again. */
export interface ObservedLoad {
  /** The most streams open at the same time. */
  readonly streams: number;
  /** Median time between tokens of a stream. */
  readonly gap: Seconds;
  readonly promptTokens: number;
}

/** What the harness had to do in these records; undefined when nothing was received. Blocks count as one after the other. */
export function observedLoad(records: readonly RequestRecord[]): ObservedLoad | undefined {
  const gap = gapDistribution(gaps(records)).p50;
  const promptTokens = distribution(records.map((record) => record.contextTokens + record.questionTokens)).p50;
  if (gap === undefined || promptTokens === undefined) return undefined;
  const perBlock = [...Map.groupBy(records, ({ block }) => block).values()].map(mostAtOnce);
  return { streams: Math.max(...perBlock), gap, promptTokens };
}

function mostAtOnce(records: readonly RequestRecord[]): number {
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
