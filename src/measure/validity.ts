import type { EngineSummary, Validity, ValidityReason, ValidityState } from "../model/figures.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { differingAnswers } from "./answers.ts";
import { askedBeforeReasons } from "./askedBefore.ts";
import type { CacheTokens } from "./cacheTokens.ts";
import { deathReasons } from "./deaths.ts";
import { engineReasons } from "./engineReasons.ts";
import { harnessReasons, stallReasons } from "./harnessReasons.ts";
import { csvReasons, damageReasons, unjudgedReasons } from "./journalReasons.ts";
import { oneServerReasons } from "./oneServer.ts";
import { proofReasons } from "./proofs.ts";
import { requestReasons } from "./requestReasons.ts";
import { restartReasons } from "./restarts.ts";
import { rulerReasons, uncalibratedReasons } from "./rulerReasons.ts";
import { sharedPortReasons } from "./sharedPorts.ts";
import { throttlingReasons } from "./throttled.ts";
import { tooShortReasons } from "./tooShort.ts";
import { unaskedReasons } from "./unasked.ts";
import { unwellReasons } from "./unwell.ts";
import { beyond, limitsOf } from "./validityLimits.ts";

/** What was computed of an experiment by then. */
interface Found {
  readonly summaries: readonly EngineSummary[];
  readonly tokens: readonly CacheTokens[];
}

/**
 * Was the harness, the population or an unlike pair of engines in the way? One reason that is INVALID makes an experiment INVALID; those that are a
 * matter of how much have their limits in validityLimits.ts. A missing reading is no reason: virtual time has no host.
 */
export function validity(experiment: ExperimentResult, result: TestResult, { summaries, tokens }: Found): Validity {
  const { records, description: asked } = experiment;
  const { description, events } = result;
  const { engines } = description;
  const limits = limitsOf(asked);
  const names = engines.map(({ name }) => name);
  const deaths = [...deathReasons(experiment, events), ...restartReasons(experiment, events)];
  const reasons = worstFirst([
    ...deaths,
    ...stallReasons(experiment, limits),
    ...requestReasons(experiment, result, { summaries, deaths }),
    ...harnessReasons(experiment, limits),
    ...uncalibratedReasons(description, limits),
    ...engineReasons(records, names, limits),
    ...differingAnswers(result).flatMap(({ share, ...words }) => beyond(limits.answers, share, words)),
    ...proofReasons(experiment.index, result, tokens),
    ...throttlingReasons(experiment, engines),
    ...unaskedReasons(experiment, engines),
    ...rulerReasons(experiment, result),
    ...unjudgedReasons(experiment, result),
    ...damageReasons(result),
    ...unwellReasons(experiment, events),
    ...tooShortReasons(experiment, engines),
    ...oneServerReasons(engines, asked),
    ...askedBeforeReasons(asked),
    ...sharedPortReasons(experiment, events),
    ...csvReasons(experiment, result),
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
