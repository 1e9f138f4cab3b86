import type { EngineSummary, Validity, ValidityReason, ValidityState } from "../model/figures.ts";
import type { ExperimentResult } from "../model/result.ts";
import type { DifferingAnswers } from "./answers.ts";
import { engineReasons } from "./engineReasons.ts";
import { harnessReasons } from "./harnessReasons.ts";
import { beyond, limitsOf, share, type Limits } from "./validityLimits.ts";

export interface ValidityOptions {
  /** Engines whose failures a check allows. */
  readonly mayFail?: readonly (string | undefined)[];
  /** Its run was still going on when it was read: what is missing may yet come. */
  readonly stillRunning?: boolean;
  readonly uncalibrated?: boolean;
  readonly answers?: readonly DifferingAnswers[];
  /** Engines that Tandem did not start: it has no log of them. */
  readonly withoutLog?: readonly string[];
  /** What did not come up, died, or was started anew. That other requests failed or were not sent then goes without saying. */
  readonly deaths?: readonly ValidityReason[];
  readonly besides?: readonly ValidityReason[];
}

/** Was the harness, the population or an unlike pair of engines in the way? A missing reading is no reason: virtual time has no host. */
export function validity(
  result: ExperimentResult,
  summaries: readonly EngineSummary[],
  {
    mayFail = [],
    stillRunning = false,
    uncalibrated = false,
    answers = [],
    withoutLog = [],
    deaths = [],
    besides = [],
  }: ValidityOptions = {},
): Validity {
  const limits = limitsOf(result.description);
  const reasons = worstFirst([
    ...deaths,
    ...(deaths.length > 0 ? [] : population(result, stillRunning, limits)),
    ...summaries
      .filter((summary) => !isExplainedBy(deaths, summary) && !(stillRunning && summary.requests === 0))
      .flatMap((summary) =>
        failures(
          summary,
          { allowed: mayFail.includes(summary.engine), log: !withoutLog.includes(summary.engine), cut: result.neverDue > 0 },
          limits,
        ),
      ),
    ...harnessReasons(result, limits),
    ...beyond(limits.uncalibrated, uncalibrated ? 1 : 0, {
      what: "the harness's own error is not known",
      advice: "run without --no-calibration before you rely on a small difference",
    }),
    ...engineReasons(
      result.records,
      summaries.map(({ engine }) => engine),
      limits,
    ),
    ...answers.flatMap(({ share, ...words }) => beyond(limits.answers, share, words)),
    ...besides,
  ]);
  return { state: worstOf(reasons), reasons };
}

/** Of all experiments of a test: the worst state, and every reason once, with the experiments it holds for. */
export function joined(experiments: readonly { readonly title: string; readonly validity: Validity }[]): Validity {
  const named = experiments.flatMap(({ title, validity }) => once(validity.reasons).map((reason) => ({ title, reason })));
  const alike = Map.groupBy(named, ({ reason }) => JSON.stringify(reason));
  const reasons = [...alike.values()].flatMap((same) => {
    const titles = same.map(({ title }) => title);
    return same.slice(0, 1).map(({ reason }) => ({ ...reason, what: withTitles(reason.what, titles, experiments.length) }));
  });
  return { state: worstOf(reasons), reasons: worstFirst(reasons) };
}

function withTitles(what: string, titles: readonly string[], experiments: number): string {
  if (titles.length === experiments) return what;
  if (titles.length === 1) return `${titles[0]}: ${what}`;
  const named = titles.length > 3 ? [...titles.slice(0, 2), "…"] : titles;
  return `${what}, in ${titles.length} of ${experiments} experiments (${named.join("; ")})`;
}

/** What was found before each of several blocks is one reason. */
function once(reasons: readonly ValidityReason[]): readonly ValidityReason[] {
  return [...new Map(reasons.map((reason) => [JSON.stringify(reason), reason])).values()];
}

/** What withholds verdicts, then what only degrades; each as it was found. */
function worstFirst(reasons: readonly ValidityReason[]): readonly ValidityReason[] {
  return [...reasons].sort((one, other) => Number(other.state === "INVALID") - Number(one.state === "INVALID"));
}

function worstOf(reasons: readonly ValidityReason[]): ValidityState {
  if (reasons.some(({ state }) => state === "INVALID")) return "INVALID";
  return reasons.length > 0 ? "DEGRADED" : "VALID";
}

function population({ records, neverDue }: ExperimentResult, stillRunning: boolean, limits: Limits): readonly ValidityReason[] {
  const scheduled = records.length + neverDue;
  const ofEngines = [...Map.groupBy(records, ({ engine }) => engine)];
  const { notDue, notEnded, advice } = stillRunning ? ofRunGoingOn : ofEndedRun;
  return [
    ...beyond(limits.neverDue, share(neverDue, scheduled), {
      what: notDue(`${neverDue} of ${scheduled} requests`),
      advice,
    }),
    ...ofEngines.flatMap(([engine, own]) => {
      const unfinished = own.filter(({ outcome }) => outcome.kind === "cancelled").length;
      const what = notEnded(`${unfinished} of ${own.length} requests`);
      return beyond(limits.unfinished, share(unfinished, own.length), { what, advice, ...(ofEngines.length > 1 ? { engine } : {}) });
    }),
  ];
}

const ofEndedRun = {
  notDue: (requests: string) => `the run ended before ${requests} were due`,
  notEnded: (requests: string) => `${requests} were cancelled or cut off`,
  advice: "run it again to its end; what there is was kept",
};

const ofRunGoingOn = {
  notDue: (requests: string) => `the run is still going on: ${requests} were not due yet`,
  notEnded: (requests: string) => `the run is still going on: ${requests} were under way, or cancelled`,
  advice: "wait for its end, or report it again then: tandem report DIR",
};

/** Of an engine that was not there, or of one whose turn did not come for that. */
function isExplainedBy(deaths: readonly ValidityReason[], { engine, requests }: EngineSummary): boolean {
  return deaths.some((death) => requests === 0 || death.engine === engine);
}

function failures(
  { engine, requests, completed, failures, failuresByCode }: EngineSummary,
  { allowed, log, cut }: { readonly allowed: boolean; readonly log: boolean; readonly cut: boolean },
  limits: Limits,
): readonly ValidityReason[] {
  if (requests === 0) {
    const advice = log && !cut ? "see why in the engine's log, and run it again" : "run it again to its end";
    return [{ state: "INVALID", what: "was sent no request", advice, engine }];
  }
  // What was dropped was never sent: its engine knows nothing of it.
  const isInLog = log && failures > (failuresByCode["dropped"] ?? 0);
  const lookThere = `see why in ${isInLog ? "the CSV and in the engine's log" : "the CSV's column failure"}${codesOf(failuresByCode)}`;
  // Of a run that was cut off it is said how many were.
  if (completed === 0 && failures === 0) return [];
  if (completed === 0) return [{ state: "INVALID", what: `completed none of ${requests} requests`, advice: lookThere, engine }];
  const limit = allowed ? { ...limits.failures, invalid: Infinity } : limits.failures;
  const own = failures - (failuresByCode.exhausted ?? 0);
  return beyond(limit, share(own, requests), {
    what: `failed ${own} of ${requests} requests, and the others may be the easier ones`,
    advice: allowed ? lookThere : `${lookThere}, or say in a check how many may: mayFail(…)`,
    engine,
  });
}

function codesOf(failuresByCode: Readonly<Record<string, number>>): string {
  const codes = Object.entries(failuresByCode).map(([code, count]) => `${code} ${count}`);
  return codes.length === 0 ? "" : ` (${codes.join(", ")})`;
}
