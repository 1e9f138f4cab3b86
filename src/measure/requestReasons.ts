import type { EngineSummary, ValidityReason } from "../model/figures.ts";
import { grouped } from "../model/grouped.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { isCutOff, unwritten } from "./cutOff.ts";
import { ofEngine } from "./ofEngine.ts";
import { endedInStall } from "./stalls.ts";
import { beyond, limitsOf, share, type Limits } from "./validityLimits.ts";

/** Did every request that was scheduled come to a good end? What `deaths` explain goes without saying. */
export function requestReasons(
  experiment: ExperimentResult,
  result: TestResult,
  { summaries, deaths }: { readonly summaries: readonly EngineSummary[]; readonly deaths: readonly ValidityReason[] },
): readonly ValidityReason[] {
  const { description, events, verdicts, stillRunning = false } = result;
  const limits = limitsOf(experiment.description);
  const cutOff = isCutOff(experiment, result);
  const met = verdicts.filter((verdict) => verdict.experiment === experiment.index && verdict.ok);
  const isUnread = endedInStall(experiment);
  const failing = (summary: EngineSummary) =>
    failures(summary, limits, {
      isAllowed: met.some(({ allowsFailuresOf }) => allowsFailuresOf === summary.engine),
      hasLog: description.engines.some(({ name, command }) => name === summary.engine && command !== undefined),
      isCut: experiment.neverDue > 0,
      isUnwritten: cutOff,
      unread: summary.failures === 0 ? 0 : ofEngine(experiment.records, summary.engine).filter(isUnread).length,
      limited: summary.failures === 0 ? 0 : ofEngine(experiment.records, summary.engine).filter(({ status }) => status === 429).length,
    });
  const words = stillRunning ? ofRunGoingOn : cutOff ? ofKilledRun : ofEndedRun;
  const lacking = deaths.length > 0 ? unbegun(experiment, events) : population(experiment, words, limits);
  const isLackExplained = stillRunning || (experiment.records.length === 0 && lacking.length > 0);
  const unexplained = summaries.filter((summary) => !isExplainedBy(deaths, summary) && !(isLackExplained && summary.requests === 0));
  return [...lacking, ...unexplained.flatMap(failing)];
}

/** A death explains what it cut off, and an engine that was not up why nothing began; why an experiment after a death is empty nothing else tells. */
function unbegun({ records, neverDue }: ExperimentResult, events: TestResult["events"]): readonly ValidityReason[] {
  const wasUp = events.some(({ event }) => event.kind === "experimentStarted");
  if (records.length > 0 || neverDue === 0 || !wasUp) return [];
  return [{ state: "INVALID", what: "was not begun: the test ended before", advice: ofEndedRun.advice }];
}

function population(
  { records, neverDue }: ExperimentResult,
  { notDue, notEnded, advice }: Lacking,
  limits: Limits,
): readonly ValidityReason[] {
  const scheduled = records.length + neverDue;
  const ofEngines = [...Map.groupBy(records, ({ engine }) => engine)];
  return [
    ...beyond(limits.neverDue, share(neverDue, scheduled), {
      what: notDue(`${grouped(neverDue)} of ${grouped(scheduled)} requests`),
      advice,
    }),
    ...ofEngines.flatMap(([engine, own]) => {
      const unfinished = own.filter(({ outcome }) => outcome.kind === "cancelled").length;
      const what = notEnded(`${grouped(unfinished)} of ${grouped(own.length)} requests`);
      return beyond(limits.unfinished, share(unfinished, own.length), { what, advice, ...(ofEngines.length > 1 ? { engine } : {}) });
    }),
  ];
}

type Lacking = typeof ofEndedRun;

const ofEndedRun = {
  notDue: (requests: string) => `the run ended before ${requests} were due`,
  notEnded: (requests: string) => `${requests} were cancelled or cut off`,
  advice: "run it again to its end; what there is was kept",
};

const ofKilledRun: Lacking = {
  ...ofEndedRun,
  notDue: (requests) => `the run ended before ${requests} were due, or their records had reached the disk`,
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

interface Failing {
  /** By a check. */
  readonly isAllowed: boolean;
  /** Tandem started it. */
  readonly hasLog: boolean;
  /** Requests never fell due. */
  readonly isCut: boolean;
  /** The last of what was sent may not have been written down. */
  readonly isUnwritten: boolean;
  /** So many were not in time about when the harness stood still. */
  readonly unread: number;
  /** So many were answered that more is asked than is allowed (HTTP 429). */
  readonly limited: number;
}

function failures(
  { engine, requests, completed, failures, failuresByCode }: EngineSummary,
  limits: Limits,
  { isAllowed, hasLog, isCut, isUnwritten, unread, limited }: Failing,
): readonly ValidityReason[] {
  if (requests === 0) {
    const advice = hasLog && !isCut ? "see why in the engine's log, and run it again" : "run it again to its end";
    return [{ state: "INVALID", what: isUnwritten ? unwritten : "was sent no request", advice, engine }];
  }
  // What was dropped was never sent: its engine knows nothing of it.
  const isInLog = hasLog && failures > (failuresByCode["dropped"] ?? 0);
  const lookThere = `see why in ${isInLog ? "the CSV and in the engine's log" : "the CSV's column failure"}${codesOf(failuresByCode)}${limitPhrase(limited)}`;
  // Of a run that was cut off it is said how many were.
  if (completed === 0 && failures === 0) return [];
  if (completed === 0) return [{ state: "INVALID", what: `completed none of ${grouped(requests)} requests`, advice: lookThere, engine }];
  const limit = isAllowed ? { ...limits.failures, invalid: Infinity } : limits.failures;
  const own = failures - (failuresByCode.exhausted ?? 0);
  return beyond(limit, share(own, requests), {
    what: `failed ${grouped(own)} of ${grouped(requests)} requests${unread === 0 ? "" : `, ${grouped(unread)} of them by deadlines that passed about when the harness stood still`}, and the others may be the easier ones`,
    advice: isAllowed ? lookThere : `${lookThere}, or say in a test file's check how many may: mayFail(…)`,
    engine,
  });
}

/** A limit may be of all that comes from here: then a load that keeps to it does not. */
function limitPhrase(limited: number): string {
  if (limited === 0) return "";
  return `; ${grouped(limited)} got HTTP 429: it is asked more often than it allows, and the harness's own questions may count too (once a second its health, and its metrics where it has them): lower the rate, or raise its limit`;
}

function codesOf(failuresByCode: Readonly<Record<string, number>>): string {
  const codes = Object.entries(failuresByCode).map(([code, count]) => `${code} ${grouped(count)}`);
  return codes.length === 0 ? "" : ` (${codes.join(", ")})`;
}
