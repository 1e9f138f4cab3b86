import type { Comparison, EngineSummary, Summary, Validity, Verdict, ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { differingAnswers } from "./answers.ts";
import { askedBeforeReasons } from "./askedBefore.ts";
import { cacheAnswers, type CacheAnswer, type CacheUser } from "./cacheAnswer.ts";
import { cacheSign } from "./cacheSign.ts";
import { cacheTokens, sharedCacheTokens, type CacheTokens, type SharedCacheTokens } from "./cacheTokens.ts";
import { compare, defaultMargins, type Margins } from "./compare.ts";
import { deathReasons } from "./deaths.ts";
import { forMore } from "./forMore.ts";
import { harnessMargin } from "./harnessMargin.ts";
import { oneServerReasons } from "./oneServer.ts";
import { proofReasons, reuseOf } from "./proofs.ts";
import { restartReasons } from "./restarts.ts";
import { countsOf, engineSummary } from "./summary.ts";
import { rulerReasons } from "./rulerReasons.ts";
import { throttlingReasons } from "./throttled.ts";
import { sharedPortReasons } from "./sharedPorts.ts";
import { tooShortReasons } from "./tooShort.ts";
import { unwellReasons } from "./unwell.ts";
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

/** By result: the console, each report and the exit code ask for the same, and of 10 million tokens it takes a second. */
const computed = new WeakMap<TestResult, TestFigures>();

export function figuresOf(result: TestResult, margins?: Margins): TestFigures {
  if (margins !== undefined) return compute(result, margins);
  const figures = computed.get(result) ?? compute(result, defaultMargins);
  computed.set(result, figures);
  return figures;
}

function compute(result: TestResult, margins: Margins): TestFigures {
  const experiments = result.experiments.map((experiment) => experimentFigures(experiment, result, margins));
  const titled = experiments.map(({ validity }, index) => ({ title: result.experiments[index]?.description.title ?? "", validity }));
  return { experiments, validity: joined(titled) };
}

export function totalsOf({ experiments }: TestResult): TestTotals {
  const { requests, completed, failures, cancelled } = countsOf(experiments.flatMap(({ records }) => records));
  return { requests, completed, failures, cancelled, neverDue: sum(experiments.map(({ neverDue }) => neverDue)) };
}

export function experimentFigures(experiment: ExperimentResult, result: TestResult, margins: Margins = defaultMargins): ExperimentFigures {
  const { description, verdicts } = result;
  const { engines, baseline, alike } = description;
  const measured = engines.map(({ name }) => engineSummary(name, experiment.records, experiment.description.slo));
  const summaries = result.gapsUnknown === true ? measured.map(withoutGaps) : measured;
  const harness = { ...harnessMargin(experiment, summaries), ...margins.harness };
  const practical = experiment.description.margin ?? margins.practical;
  const comparisons = baseline === undefined ? [] : compare(experiment, baseline, { ...margins, practical, harness }, alike);
  const own = verdicts.filter((verdict) => verdict.experiment === experiment.index);
  const tokens = engines.map(({ name }) => cacheTokens(name, experiment, reuseOf(name, result)));
  return {
    summaries,
    comparisons: engines.flatMap(({ name }) => comparisons.filter(({ other }) => other === name)),
    cacheAnswers: cacheAnswers(cacheUsers(experiment, { summaries, tokens, result }), {
      engine: baseline,
      comparisons,
      more: forMore(description.test, experiment.neverDue),
    }),
    cacheTokens: tokens,
    sharedCacheTokens: sharedCacheTokens(experiment, description.services ?? []),
    validity: validity(experiment, summaries, {
      mayFail: own.filter(({ ok }) => ok).map(({ allowsFailuresOf }) => allowsFailuresOf),
      stillRunning: result.stillRunning === true,
      uncalibrated: description.calibration === "off",
      answers: differingAnswers(result),
      withoutLog: engines.filter(({ command }) => command === undefined).map(({ name }) => name),
      deaths: [...deathReasons(experiment, result.events), ...restartReasons(experiment, result.events)],
      besides: [
        ...proofReasons(experiment.index, result, tokens),
        ...throttlingReasons(experiment, engines),
        ...rulerReasons(experiment, result),
        ...unjudged(experiment, result),
        ...damage(result),
        ...unwellReasons(experiment, result.events),
        ...tooShortReasons(experiment, engines),
        ...oneServerReasons(engines, experiment.description),
        ...askedBeforeReasons(experiment.description),
        ...sharedPortReasons(experiment, result.events),
        ...(result.gapsUnknown === true ? [fromCsv] : []),
      ],
    }),
    verdicts: own,
  };
}

/** Whoever killed the run came before its checks: none of them was met. */
function unjudged({ index, records }: ExperimentResult, { description, events, stillRunning }: TestResult): readonly ValidityReason[] {
  const isJudged = events.some(({ event }) => event.kind === "judged" && event.experiment === index);
  if (description.checks !== true || stillRunning === true || isJudged || records.length === 0) return [];
  return [{ state: "INVALID", what: "its checks were not evaluated, because the run ended before", advice: "run it again to its end" }];
}

function damage({ damaged = [] }: TestResult): readonly ValidityReason[] {
  if (damaged.length === 0) return [];
  const what = `its journal was damaged after it was written: ${damaged.join(" and ")} ${damaged.length === 1 ? "lacks its end" : "lack their ends"}, and rows are missing`;
  return [{ state: "INVALID", what, advice: "do not rely on any of this: run it again, or bring the files back from a copy" }];
}

const fromCsv: ValidityReason = {
  state: "DEGRADED",
  what: "a CSV says neither what was in the way of the measurement nor which engine was the baseline (the last one is taken for it)",
  advice: "report the run's directory where there is one: tandem report DIR",
};

function cacheUsers(
  { records, index }: ExperimentResult,
  { summaries, tokens, result }: { summaries: readonly EngineSummary[]; tokens: readonly CacheTokens[]; result: TestResult },
): readonly CacheUser[] {
  return summaries.map((summary, place) => {
    const { engine } = summary;
    const proofs = (result.proofs ?? []).filter((proof) => proof.engine === engine && (proof.experiment ?? index) === index);
    return {
      summary,
      records: records.filter((record) => record.engine === engine),
      keeps: cacheSign(summary, tokens[place] ?? {}, proofs),
    };
  });
}

/** Of a CSV: the time from the first to the last token is no gap between two. */
function withoutGaps({ cold, partial, warm, ...all }: EngineSummary): EngineSummary {
  const without = (summary: Summary): Summary => ({ ...summary, itl: { count: 0 } });
  return { ...all, itl: { count: 0 }, cold: without(cold), partial: without(partial), warm: without(warm) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
