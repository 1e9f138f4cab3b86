import { draws } from "../model/draw.ts";
import type { ComparedMetric, Comparison, Interval } from "../model/figures.ts";
import type { RequestRecord } from "../model/record.ts";
import type { CacheState } from "../model/request.ts";
import type { ExperimentResult, TestDescription } from "../model/result.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { known } from "./known.ts";
import { throughput, ttft } from "./latency.ts";
import { fewestPairs, judgementOf, type Arms } from "./judgement.ts";
import { fewestEven, inCompany, independentPairs, intervalOverWaves, overWaves, type IntervalOf, type OverWaves } from "./overWaves.ts";
import { ofEngine } from "./ofEngine.ts";
import { pairOf } from "./pairs.ts";
import { meanOf } from "./sums.ts";
import { isCompleted } from "./summary.ts";
import { underWay } from "./underWay.ts";
import { toldTokens, tooHighBy } from "./untoldTokens.ts";
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
  const populations = populationsOf(result.records).map((population) => ({ ...population, noise: noiseIn(population.records, alike) }));
  return others.flatMap((other) => {
    const waves = wavesOf(ofEngine(result.records, baseline), ofEngine(result.records, other));
    const isItself = alike.some((group) => group.includes(baseline) && group.includes(other));
    return populations.flatMap(({ cache, records, noise }) => {
      const [base, ofOther] = [ofEngine(records, baseline), ofEngine(records, other)];
      const arms = { base, other: ofOther, waves, underWay: mostUnderWay(base, ofOther) };
      return metrics.map((metric) =>
        compareArms({ experiment: result.index, metric, cache, baseline, other }, arms, {
          ...margins,
          engine: isItself ? 0 : noise[metric],
        }),
      );
    });
  });
}

function noiseIn(records: readonly RequestRecord[], alike: readonly (readonly string[])[]): Readonly<Record<ComparedMetric, number>> {
  return { ttft: noiseOf("ttft", records, alike), throughput: noiseOf("throughput", records, alike) };
}

/** What an engine differs by from itself, as a share: the most that two of the same do, also where their pairs are too few for a verdict. 0 where none is there twice. */
function noiseOf(metric: ComparedMetric, records: readonly RequestRecord[], alike: readonly (readonly string[])[]): number {
  const apart = alike.flatMap((group) =>
    twoByTwo(group).map(([one, other]) => {
      const { logs } = pairedLogRatios(metric, { base: ofEngine(records, one), other: ofEngine(records, other), waves: noWaves });
      return logs.length === 0 ? 0 : Math.exp(Math.abs(meanOf(logs))) - 1;
    }),
  );
  return Math.max(0, ...apart);
}

function twoByTwo(group: readonly string[]): readonly (readonly [string, string])[] {
  return group.flatMap((one, place) => group.slice(place + 1).map((other) => [one, other] as const));
}

const noWaves: ArmsInWaves["waves"] = new Map();

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

interface ArmsInWaves extends Arms {
  /** By the number of a pair. */
  readonly waves: ReadonlyMap<number, number>;
  /** At once, on the engine that had more. */
  readonly underWay: number;
}

type Subject = Pick<Comparison, "experiment" | "metric" | "cache" | "baseline" | "other">;

interface ArmsMargins extends Margins {
  /** The noise of one engine against itself. */
  readonly engine: number;
}

function compareArms(subject: Subject, arms: ArmsInWaves, margins: ArmsMargins): Comparison {
  const { logs, waves, onBoth } = pairedLogRatios(subject.metric, arms);
  const pairs = logs.length;
  const mean = pairs === 0 ? undefined : meanOf(logs);
  const inWaves = overWaves(logs, waves, mean ?? 0);
  const came = inWaves.values.length;
  const drawn = drawnFor(subject);
  const together = inCompany(inWaves, (arms.underWay * came) / Math.max(1, pairs), drawn);
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
    ...judgementOf(subject.metric, arms, { difference, onBoth }),
  });
}

function mostUnderWay(...arms: readonly (readonly RequestRecord[])[]): number {
  return Math.max(...arms.map((records) => underWay(records.filter(isCompleted))));
}

interface PairedLogRatios {
  readonly logs: Float64Array;
  /** Which one each pair came in. */
  readonly waves: readonly number[];
  /** So many requests completed on both engines, whether or not there is a ratio of them. */
  readonly onBoth: number;
}

/** Log of the effect, pair by pair, in the order in which the baseline's fell due: above 0 is better for the other engine. */
function pairedLogRatios(metric: ComparedMetric, { base, other, waves }: Omit<ArmsInWaves, "underWay">): PairedLogRatios {
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

function marginFor(
  metric: ComparedMetric,
  arms: ArmsInWaves,
  { practical, harness, engine }: ArmsMargins,
): { margin: number; why: string } {
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
  return Math.exp(Math.abs(Math.log(tooHighBy(toldTokens(other)) / tooHighBy(toldTokens(base))))) - 1;
}
