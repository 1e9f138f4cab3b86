import { draws } from "../model/draw.ts";
import type { ComparedMetric, Comparison, Interval } from "../model/figures.ts";
import type { RequestRecord } from "../model/record.ts";
import type { CacheState } from "../model/request.ts";
import type { ExperimentResult, TestDescription } from "../model/result.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { known } from "./known.ts";
import { throughput, ttft } from "./latency.ts";
import {
  fewestEven,
  fewestWaves,
  inCompany,
  independentPairs,
  intervalOverWaves,
  overWaves,
  type IntervalOf,
  type OverWaves,
} from "./overWaves.ts";
import { pairOf } from "./pairs.ts";
import { isCompleted } from "./summary.ts";
import { underWay } from "./underWay.ts";
import { tooHighBy } from "./untoldTokens.ts";
import { wavesOf } from "./waves.ts";

type ErrorShare = Readonly<Partial<Record<ComparedMetric, number>>>;

/**
 * What a difference must exceed to count as one: the largest of them. Only within the practical one are engines equivalent: an error that is
 * larger would hide a difference that someone acts on. Shares: 0.05 is 5 %.
 */
export interface Margins {
  /** The smallest difference anyone would act on. */
  readonly practical: number;
  /** The harness's own error at this load. */
  readonly harness?: ErrorShare;
}

export const defaultMargins: Margins = { practical: 0.05 };

/** Pairs it takes for a verdict, and waves. */
export const fewestPairs = fewestWaves;
/** Pairs it takes for "equivalent": fewer may well hold nothing of what befalls one request in twenty, since 0.95 ** 58 is still above 5 %. */
const fewestForEquivalent = 59;
/** Engines whose shares of requests that did not complete are farther apart are not judged, unless the one that fails more is worse besides: what is left is not the same population. */
export const failureTolerance = 0.01;
/** Of pairs that completed, so many as a share may have no value of a metric: those that have one are else another population. */
const withoutValueTolerance = 0.1;
/** 0.07 − 0.06 is a little more than 0.01. */
const rounding = 1e-9;

/**
 * Every other engine against the baseline, paired by request; cold, partial and warm apart, "all" where there is only one of them. What engines that
 * are `alike` differ by is a margin of the comparisons of others.
 */
export function compare(
  result: ExperimentResult,
  baseline: string,
  margins: Margins = defaultMargins,
  alike: TestDescription["alike"] = [],
): readonly Comparison[] {
  const others = [...new Set(result.records.map(({ engine }) => engine))].filter((engine) => engine !== baseline).sort();
  const populations = populationsOf(result.records);
  return others.flatMap((other) => {
    const waves = wavesOf(ofEngine(result.records, baseline), ofEngine(result.records, other));
    return populations.flatMap(({ cache, records }) => {
      const arms = { base: ofEngine(records, baseline), other: ofEngine(records, other), waves };
      const isItself = alike.some((group) => group.includes(baseline) && group.includes(other));
      return metrics.map((metric) => {
        const engine = isItself ? 0 : noiseOf(metric, records, alike);
        return compareArms({ experiment: result.index, metric, cache, baseline, other }, arms, { ...margins, engine });
      });
    });
  });
}

/** What an engine differs by from itself, as a share: the most that two of the same do, also where their pairs are too few for a verdict. 0 where none is there twice. */
function noiseOf(metric: ComparedMetric, records: readonly RequestRecord[], alike: readonly (readonly string[])[]): number {
  const apart = alike.flatMap((group) =>
    twoByTwo(group).map(([one, other]) => {
      const { logs } = pairedLogRatios(metric, { base: ofEngine(records, one), other: ofEngine(records, other), waves: noWaves });
      return Math.exp(Math.abs(meanOf(logs) ?? 0)) - 1;
    }),
  );
  return Math.max(0, ...apart);
}

function twoByTwo(group: readonly string[]): readonly (readonly [string, string])[] {
  return group.flatMap((one, place) => group.slice(place + 1).map((other) => [one, other] as const));
}

const noWaves: Arms["waves"] = new Map();

function meanOf(logs: Float64Array): number | undefined {
  return logs.length === 0 ? undefined : logs.reduce((sum, log) => sum + log, 0) / logs.length;
}

function ofEngine(records: readonly RequestRecord[], engine: string): readonly RequestRecord[] {
  return records.filter((record) => record.engine === engine);
}

const metrics = ["ttft", "throughput"] as const satisfies readonly ComparedMetric[];
const states = ["cold", "partial", "warm"] as const satisfies readonly CacheState[];

interface Population {
  readonly cache: Comparison["cache"];
  readonly records: readonly RequestRecord[];
}

function populationsOf(records: readonly RequestRecord[]): readonly Population[] {
  const apart = Map.groupBy(records, ({ cache }) => cache);
  if (apart.size < 2) return [{ cache: "all", records }];
  return states.map((cache) => ({ cache, records: apart.get(cache) ?? [] })).filter((population) => population.records.length > 0);
}

interface Arms {
  readonly base: readonly RequestRecord[];
  readonly other: readonly RequestRecord[];
  /** By the number of a pair. */
  readonly waves: ReadonlyMap<number, number>;
}

type Subject = Pick<Comparison, "experiment" | "metric" | "cache" | "baseline" | "other">;

interface ArmsMargins extends Margins {
  /** The noise of one engine against itself. */
  readonly engine: number;
}

function compareArms(subject: Subject, arms: Arms, margins: ArmsMargins): Comparison {
  const { logs, waves, onBoth } = pairedLogRatios(subject.metric, arms);
  const pairs = logs.length;
  const mean = meanOf(logs);
  const inWaves = overWaves(logs, waves, mean ?? 0);
  const came = inWaves.values.length;
  const drawn = drawnFor(subject);
  const together = inCompany(inWaves, (mostUnderWay(arms) * came) / Math.max(1, pairs), drawn);
  const { margin, why } = marginFor(subject.metric, arms, margins);
  const { practical } = margins;
  const difference =
    mean === undefined ? undefined : { mean, interval: intervalOf(together, mean, drawn), pairs, waves: came, margin, why, practical };
  return known({
    ...subject,
    pairs,
    waves: came < pairs ? came : undefined,
    independentPairs: difference?.interval === undefined ? undefined : Math.round(independentPairs(logs, together)),
    effect: mean === undefined ? undefined : Math.exp(mean),
    interval: difference?.interval && ([Math.exp(difference.interval[0]), Math.exp(difference.interval[1])] as const),
    margin,
    ...judgementOf(subject.metric, arms, { difference, withValues: logs.length, onBoth }),
  });
}

/** At once, on the engine that had more. */
function mostUnderWay({ base, other }: Arms): number {
  return Math.max(...[base, other].map((records) => underWay(records.filter(isCompleted))));
}

interface PairedLogRatios {
  readonly logs: Float64Array;
  /** Which one each pair came in. */
  readonly waves: readonly number[];
  /** So many requests completed on both engines, whether or not there is a ratio of them. */
  readonly onBoth: number;
}

/** Log of the effect, pair by pair, in the order in which the baseline's fell due: above 0 is better for the other engine. */
function pairedLogRatios(metric: ComparedMetric, { base, other, waves }: Arms): PairedLogRatios {
  const measure = metric === "ttft" ? ttft : throughput;
  const direction = metric === "ttft" ? -1 : 1;
  const ofOther = new Map(other.filter(isCompleted).map((record) => [pairOf(record), measure(record)]));
  const completed = base.filter((record) => isCompleted(record) && ofOther.has(pairOf(record)));
  const inOrder = completed.sort((a, b) => a.block - b.block || a.due - b.due || a.request - b.request);
  const ratios = inOrder.flatMap((record) => {
    const [theirs, ours] = [measure(record), ofOther.get(pairOf(record))];
    if (theirs === undefined || ours === undefined || theirs <= 0 || ours <= 0) return [];
    return [{ log: direction * Math.log(ours / theirs), wave: waves.get(pairOf(record)) ?? 0 }];
  });
  return { logs: Float64Array.from(ratios, ({ log }) => log), waves: ratios.map(({ wave }) => wave), onBoth: inOrder.length };
}

function intervalOf(over: OverWaves, mean: number, drawn: IntervalOf): Interval | undefined {
  return over.values.length < fewestPairs || over.even < fewestEven ? undefined : intervalOverWaves(over, mean, drawn);
}

/** By bootstrap, from the same seed whenever it is called, and of the same values in whatever order. */
function drawnFor({ experiment, metric, cache, other, baseline }: Subject): IntervalOf {
  return (values, mean) => bootstrapInterval(values.toSorted(), mean, draws(experiment, `${metric} ${cache} ${other} against ${baseline}`));
}

function marginFor(metric: ComparedMetric, arms: Arms, { practical, harness, engine }: ArmsMargins): { margin: number; why: string } {
  const candidates = [
    { margin: practical, why: "margin" },
    { margin: harness?.[metric] ?? 0, why: "harness's own error" },
    { margin: engine, why: "noise of one engine against itself" },
    { margin: metric === "throughput" ? untoldTokens(arms) : 0, why: "error by untold tokens of first events" },
  ];
  return candidates.reduce((largest, candidate) => (candidate.margin > largest.margin ? candidate : largest));
}

/** By how much more throughput may be too high on one engine than on the other, as a share. */
function untoldTokens({ base, other }: Arms): number {
  return Math.exp(Math.abs(Math.log(tooHighBy(other) / tooHighBy(base)))) - 1;
}

type Judgement = Pick<Comparison, "verdict" | "reason" | "morePairs">;

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

interface Found {
  /** Missing where there is no pair with values. */
  readonly difference: Difference | undefined;
  readonly withValues: number;
  /** Pairs that completed, with values or without. */
  readonly onBoth: number;
}

/** Whoever fails more often besides is worse all the same: else an engine that grew slower would pass as soon as it failed a little, too. */
function judgementOf(metric: ComparedMetric, arms: Arms, found: Found): Judgement {
  const judged = countedApart(metric, arms) ?? judgementOfValues(metric, found);
  const isWorseEitherWay = judged.verdict === "worse" && failedShare(arms.other) > failedShare(arms.base);
  return isWorseEitherWay ? judged : (blockedBy(arms) ?? judged);
}

/** Of requests that did not complete. */
function failedShare(records: readonly RequestRecord[]): number {
  return records.filter((record) => !isCompleted(record)).length / Math.max(1, records.length);
}

function blockedBy({ base, other }: Arms): Judgement | undefined {
  const [ofOther, ofBase] = [failedShare(other), failedShare(base)];
  if (Math.abs(ofOther - ofBase) <= failureTolerance + rounding) return undefined;
  const reason = `the engines fail differently often, ${percent(ofOther)} against ${percent(ofBase)} of requests: what is left cannot be compared`;
  return { verdict: "inconclusive", reason };
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
  const reason = `the tokens of ${apart.length} pairs are counted as one for each event on one of the engines only, and an event may carry several`;
  return { verdict: "inconclusive", reason };
}

function isByEvents({ outputTokensSource }: RequestRecord): boolean {
  return outputTokensSource === "events";
}

function judgementOfValues(metric: ComparedMetric, { difference, withValues, onBoth }: Found): Judgement {
  if (difference === undefined) return { verdict: "inconclusive", reason: withoutPairs(metric, onBoth) };
  const without = onBoth - withValues;
  if (without <= onBoth * withoutValueTolerance) return judge(difference);
  const reason = `${without} of ${onBoth} pairs have no ${valueOf[metric]} on one of the engines: what is left cannot be compared`;
  return { verdict: "inconclusive", reason };
}

/** There is no ratio of a time of 0. */
const valueOf = { ttft: "time to first token above 0", throughput: "throughput" } as const satisfies Record<ComparedMetric, string>;

function withoutPairs(metric: ComparedMetric, onBoth: number): string {
  if (onBoth === 0) return "no request completed on both engines";
  return metric === "ttft"
    ? `none of the ${onBoth} requests that completed on both engines has a ${valueOf.ttft} on both`
    : "no request completed, with two tokens or more that did not come at once, on both engines";
}

function judge({ mean, interval, pairs, waves, margin, why, practical }: Difference): Judgement {
  if (interval === undefined) return tooFew(pairs, waves);
  const [low, high] = interval;
  const edge = Math.log1p(margin);
  if (low > edge) return { verdict: "better" };
  if (high < -edge) return { verdict: "worse" };
  const isTooCoarse = margin > practical;
  if (low > -edge && high < edge) return isTooCoarse ? tooCoarse(margin, why, practical) : alike(margin, pairs);
  const isDifferent = low > 0 || high < 0;
  const open = isDifferent ? "there is a difference, but it may be below" : "the interval is too wide for";
  return known({
    verdict: "inconclusive" as const,
    reason: `${open} the ${why} of ${percent(margin)}`,
    // Below a margin that is too coarse, more pairs would end in no verdict either.
    morePairs: isTooCoarse && Math.abs(mean) < edge ? undefined : pairsToSettle({ mean, half: (high - low) / 2, edge, pairs }),
  });
}

function tooFew(pairs: number, waves: number): Judgement {
  if (waves >= fewestPairs) {
    return {
      verdict: "inconclusive",
      reason: `one of the ${waves} waves has most of the pairs, and what befalls a wave befalls all of it`,
    };
  }
  const [found, of] = waves < pairs ? [waves, "waves, since what befalls a wave befalls all of it"] : [pairs, "pairs"];
  return {
    verdict: "inconclusive",
    reason: `a verdict needs at least ${fewestPairs} ${of}`,
    morePairs: Math.ceil((pairs / found) * (fewestPairs - found)),
  };
}

function alike(margin: number, pairs: number): Judgement {
  if (pairs >= fewestForEquivalent) return { verdict: "equivalent" };
  const reason = `no difference of ${percent(margin)} was found, but so few pairs may miss what slows one request in 20`;
  return { verdict: "inconclusive", reason, morePairs: fewestForEquivalent - pairs };
}

function tooCoarse(margin: number, why: string, practical: number): Judgement {
  const reason = `there may be a difference of ${percent(practical)} or more: the ${why} of ${percent(margin)} would hide it`;
  return { verdict: "inconclusive", reason };
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

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
