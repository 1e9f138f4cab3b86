import type { Comparison, EngineSummary, Summary, Validity, Verdict } from "../model/figures.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { cacheAnswers, type CacheAnswer, type CacheUser } from "./cacheAnswer.ts";
import { cacheSign } from "./cacheSign.ts";
import { cacheTokens, sharedCacheTokens, type CacheTokens, type SharedCacheTokens } from "./cacheTokens.ts";
import { compare, defaultMargins } from "./compare.ts";
import { forMore } from "./forMore.ts";
import { harnessMargin } from "./harnessMargin.ts";
import { ofEngine } from "./ofEngine.ts";
import { once } from "./once.ts";
import { reuseOf } from "./proofs.ts";
import { countsOf, engineSummary } from "./summary.ts";
import { sumOf } from "./sums.ts";
import { joined, validity } from "./validity.ts";

export type { CacheAnswer } from "./cacheAnswer.ts";

/** Everything computed of one experiment. */
export interface ExperimentFigures {
  /** In the order in which the engines were declared. */
  readonly summaries: readonly EngineSummary[];
  readonly comparisons: readonly Comparison[];
  readonly cacheAnswers: readonly CacheAnswer[];
  readonly cacheTokens: readonly CacheTokens[];
  readonly sharedCacheTokens: readonly SharedCacheTokens[];
  readonly validity: Validity;
  readonly verdicts: readonly Verdict[];
}

/** Requests of all engines and experiments together. */
export interface TestTotals {
  /** All that were due. */
  readonly requests: number;
  readonly completed: number;
  readonly failures: number;
  readonly cancelled: number;
  /** Scheduled, but the run ended before. */
  readonly neverDue: number;
}

/** Everything computed of one test: what reports, the console and the exit code say, from one place. */
export interface TestFigures {
  readonly experiments: readonly ExperimentFigures[];
  readonly validity: Validity;
}

export const figuresOf = once((result: TestResult): TestFigures => {
  const experiments = result.experiments.map((experiment) => experimentFigures(experiment, result));
  const titled = experiments.map(({ validity }, index) => ({ title: result.experiments[index]?.description.title ?? "", validity }));
  return { experiments, validity: joined(titled) };
});

export function totalsOf({ experiments }: TestResult): TestTotals {
  const { requests, completed, failures, cancelled } = countsOf(experiments.flatMap(({ records }) => records));
  return { requests, completed, failures, cancelled, neverDue: sumOf(experiments, ({ neverDue }) => neverDue) };
}

function experimentFigures(experiment: ExperimentResult, result: TestResult): ExperimentFigures {
  const { description, verdicts } = result;
  const { engines, baseline, alike } = description;
  const summaries = summariesOf(experiment, result);
  const margins = { practical: experiment.description.margin ?? defaultMargins.practical, harness: harnessMargin(experiment, summaries) };
  const comparisons = baseline === undefined ? [] : compare(experiment, baseline, margins, alike);
  const tokens = engines.map(({ name }) => cacheTokens(name, experiment, reuseOf(name, result)));
  return {
    summaries,
    comparisons: engines.flatMap(({ name }) => comparisons.filter(({ other }) => other === name)),
    cacheAnswers: cacheAnswers(cacheUsers(experiment, { summaries, tokens, result }), {
      engine: baseline,
      comparisons,
      more: forMore(description.test, experiment.neverDue, experiment.description.workload.kind),
    }),
    cacheTokens: tokens,
    sharedCacheTokens: sharedCacheTokens(experiment, description.services ?? []),
    validity: validity(experiment, result, { summaries, tokens }),
    verdicts: verdicts.filter((verdict) => verdict.experiment === experiment.index),
  };
}

/** Of each engine, in the order in which they were declared: all that checks are about, and half of what figures take. */
export function summariesOf(
  { records, description: { slo } }: ExperimentResult,
  { description, gapsUnknown }: TestResult,
): readonly EngineSummary[] {
  const measured = description.engines.map(({ name }) => engineSummary(name, records, slo));
  return gapsUnknown === true ? measured.map(withoutGaps) : measured;
}

function cacheUsers(
  { records, index }: ExperimentResult,
  { summaries, tokens, result }: { summaries: readonly EngineSummary[]; tokens: readonly CacheTokens[]; result: TestResult },
): readonly CacheUser[] {
  return summaries.map((summary, place) => {
    const { engine } = summary;
    const proofs = (result.proofs ?? []).filter((proof) => proof.engine === engine && (proof.experiment ?? index) === index);
    return {
      summary,
      records: ofEngine(records, engine),
      keeps: cacheSign(summary, tokens[place] ?? {}, proofs),
    };
  });
}

/** Of a CSV: the time from the first to the last token is no gap between two. */
function withoutGaps({ cold, partial, warm, ...all }: EngineSummary): EngineSummary {
  const without = (summary: Summary): Summary => ({ ...summary, itl: { count: 0 } });
  return { ...all, itl: { count: 0 }, cold: without(cold), partial: without(partial), warm: without(warm) };
}
