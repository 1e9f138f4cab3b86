import type { ComparedMetric, Comparison, Interval } from "../model/figures.ts";
import { grouped } from "../model/grouped.ts";
import type { RequestRecord } from "../model/record.ts";
import { percent } from "./inWords.ts";
import { known } from "./known.ts";
import { fewestWaves } from "./overWaves.ts";
import { pairOf } from "./pairs.ts";
import { isCompleted } from "./summary.ts";

/** Pairs it takes for a verdict, and waves. */
export const fewestPairs = fewestWaves;
/** Pairs it takes for "equivalent": fewer may well hold nothing of what befalls one request in twenty, since 0.95 ** 58 is still above 5 %. */
const fewestForEquivalent = 59;
/** Engines whose shares of requests that did not complete are farther apart are not judged, unless the one that fails more is worse besides: what is left is not the same population. */
const failureTolerance = 0.01;
/** Of pairs that completed, so many as a share may have no value of a metric: those that have one are else another population. */
const withoutValueTolerance = 0.1;
/** 0.07 − 0.06 is a little more than 0.01. */
const rounding = 1e-9;

/** Requests of one kind, on two engines. */
export interface Arms {
  readonly base: readonly RequestRecord[];
  readonly other: readonly RequestRecord[];
}

/** What the pairs of two arms came to. */
export interface Found {
  /** Missing where there is no pair with values. */
  readonly difference: Difference | undefined;
  /** Pairs that completed, with values or without. */
  readonly onBoth: number;
}

/** The mean of the log ratios of some pairs, and the margin it is held against. */
interface Difference {
  readonly mean: number;
  /** Of logs; missing below the fewest pairs. */
  readonly interval: Interval | undefined;
  readonly pairs: number;
  readonly waves: number;
  readonly margin: number;
  /** Whose margin it is, in words. */
  readonly why: string;
  /** Equivalent within this, or not at all. */
  readonly practical: number;
}

type Judgement = Pick<Comparison, "verdict" | "reason" | "morePairs">;

/**
 * Better, worse, equivalent or inconclusive, and why: what keeps two engines from being compared goes before what their pairs say. Whoever fails more often
 * besides is worse all the same: else an engine that grew slower would pass as soon as it failed a little, too.
 */
export function judgementOf(metric: ComparedMetric, arms: Arms, found: Found): Judgement {
  const judged = countedApart(metric, arms) ?? judgementOfValues(metric, found);
  const isWorseEitherWay = judged.verdict === "worse" && failedShare(arms.other) > failedShare(arms.base);
  return isWorseEitherWay ? judged : (failingApart(arms) ?? judged);
}

function judgementOfValues(metric: ComparedMetric, { difference, onBoth }: Found): Judgement {
  if (difference === undefined) return inconclusive(whyNone(metric, onBoth));
  const without = onBoth - difference.pairs;
  if (without <= onBoth * withoutValueTolerance) return judgementOfPairs(difference);
  return inconclusive(
    `${grouped(without)} of ${grouped(onBoth)} pairs have no ${valueOf[metric]} on one of the engines: what is left cannot be compared`,
  );
}

function judgementOfPairs({ mean, interval, pairs, waves, margin, why, practical }: Difference): Judgement {
  if (interval === undefined) return tooFew(pairs, waves);
  const [low, high] = interval;
  const edge = Math.log1p(margin);
  if (low > edge) return { verdict: "better" };
  if (high < -edge) return { verdict: "worse" };
  const isTooCoarse = margin > practical;
  if (low > -edge && high < edge) return isTooCoarse ? tooCoarse(margin, why, practical) : alike(margin, pairs);
  const isDifferent = low > 0 || high < 0;
  const open = isDifferent ? "there is a difference, but it may be below" : "the interval is too wide for";
  // Below a margin that is too coarse, more pairs would end in no verdict either.
  const morePairs = isTooCoarse && Math.abs(mean) < edge ? undefined : pairsToSettle({ mean, half: (high - low) / 2, edge, pairs });
  return inconclusive(`${open} the ${why} of ${percent(margin)}`, morePairs);
}

function tooFew(pairs: number, waves: number): Judgement {
  if (waves >= fewestPairs)
    return inconclusive(`one of the ${grouped(waves)} waves has most of the pairs, and what befalls a wave befalls all of it`);
  const [found, of] = waves < pairs ? [waves, "waves, since what befalls a wave befalls all of it"] : [pairs, "pairs"];
  return inconclusive(`a verdict needs at least ${fewestPairs} ${of}`, Math.ceil((pairs / found) * (fewestPairs - found)));
}

function alike(margin: number, pairs: number): Judgement {
  if (pairs >= fewestForEquivalent) return { verdict: "equivalent" };
  const reason = `no difference of ${percent(margin)} was found, but so few pairs may miss what slows one request in 20`;
  return inconclusive(reason, fewestForEquivalent - pairs);
}

function tooCoarse(margin: number, why: string, practical: number): Judgement {
  return inconclusive(`there may be a difference of ${percent(practical)} or more: the ${why} of ${percent(margin)} would hide it`);
}

const mostPairs = 100_000;

/** The half width shrinks with the root of the number of pairs; it must fit between the mean and the nearer edge of the margin. */
function pairsToSettle({
  mean,
  half,
  edge,
  pairs,
}: Pick<Difference, "mean" | "pairs"> & { half: number; edge: number }): number | undefined {
  const room = Math.abs(Math.abs(mean) - edge);
  const fewest = Math.abs(mean) < edge ? fewestForEquivalent : pairs + 1;
  const more = Math.max(fewest - pairs, 1, Math.ceil(pairs * (half / room) ** 2) - pairs);
  // On the edge itself no number of pairs settles it.
  return more > mostPairs ? undefined : more;
}

/** There is no ratio of a time of 0. */
const valueOf = { ttft: "time to first token above 0", throughput: "throughput" } as const satisfies Record<ComparedMetric, string>;

function whyNone(metric: ComparedMetric, onBoth: number): string {
  if (onBoth === 0) return "no request completed on both engines";
  return metric === "ttft"
    ? `none of the ${grouped(onBoth)} requests that completed on both engines has a ${valueOf.ttft} on both`
    : "no request completed, with two tokens or more that did not come at once, on both engines";
}

/** An engine whose events carry two tokens would be half as fast as itself where only one of the two is counted by its events. */
function countedApart(metric: ComparedMetric, { base, other }: Arms): Judgement | undefined {
  if (metric !== "throughput") return undefined;
  const ofBase = new Map(base.filter(isCompleted).map((record) => [pairOf(record), record]));
  const apart = other.filter((record) => {
    const theirs = ofBase.get(pairOf(record));
    return isCompleted(record) && theirs !== undefined && isByEvents(record) !== isByEvents(theirs);
  });
  if (apart.length === 0) return undefined;
  return inconclusive(
    `the tokens of ${grouped(apart.length)} pairs are counted as one for each event on one of the engines only, and an event may carry several`,
  );
}

function isByEvents({ outputTokensSource }: RequestRecord): boolean {
  return outputTokensSource === "events";
}

function failingApart({ base, other }: Arms): Judgement | undefined {
  const [ofOther, ofBase] = [failedShare(other), failedShare(base)];
  if (Math.abs(ofOther - ofBase) <= failureTolerance + rounding) return undefined;
  return inconclusive(
    `the engines fail differently often, ${percent(ofOther)} against ${percent(ofBase)} of requests: what is left cannot be compared`,
  );
}

/** Of requests that did not complete. */
function failedShare(records: readonly RequestRecord[]): number {
  return records.filter((record) => !isCompleted(record)).length / Math.max(1, records.length);
}

function inconclusive(reason: string, morePairs?: number): Judgement {
  return known({ verdict: "inconclusive" as const, reason, morePairs });
}
