import type { Reading } from "../model/record.ts";
import { tokensPerSecond, type ObservedLoad } from "./observedLoad.ts";
import type { RulerSource } from "./rulerError.ts";

/** A load in two numbers. */
export interface LoadSize {
  readonly streams: number;
  /** Of all of them. */
  readonly tokensPerSecond: number;
}

export interface ReplayedLoad {
  readonly replayed: LoadSize;
  readonly observed: LoadSize;
}

export function loadSize(load: Pick<ObservedLoad, "streams" | "first" | "tokens" | "gap">): LoadSize {
  return { streams: load.streams, tokensPerSecond: tokensPerSecond(load) };
}

const source: RulerSource = "replay after";
const names = ["replayed", "observed"] as const;

/** What was played again, and in place of what, as the journal's readings have it. */
export function replayedReadings(load: ReplayedLoad): readonly Omit<Reading, "at">[] {
  return names.flatMap((name) => [
    { series: `${name}-streams-count`, of: source, value: load[name].streams },
    { series: `${name}-tokens-per-second`, of: source, value: load[name].tokensPerSecond },
  ]);
}

/** The same, read back; undefined where nothing was replayed, and in journals of versions that did not write it down. */
export function replayedLoadOf(readings: readonly Reading[]): ReplayedLoad | undefined {
  const value = (series: string) => readings.findLast((reading) => reading.of === source && reading.series === series)?.value;
  const [replayed, observed] = names.map((name): LoadSize | undefined => {
    const [streams, perSecond] = [value(`${name}-streams-count`), value(`${name}-tokens-per-second`)];
    return streams === undefined || perSecond === undefined ? undefined : { streams, tokensPerSecond: perSecond };
  });
  return replayed === undefined || observed === undefined ? undefined : { replayed, observed };
}

/** Numbers of a load that differ by less than a quarter are as good as the same. */
export function isAlike(one: number, other: number): boolean {
  return Math.abs(Math.log(one / other)) < Math.log(1.25);
}
