import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { endsUnknown } from "./spanOf.ts";

/** Whoever killed the run came before its checks: none of them was met. */
export function unjudgedReasons(
  { index, records }: ExperimentResult,
  { description, events, stillRunning }: TestResult,
): readonly ValidityReason[] {
  const isJudged = events.some(({ event }) => event.kind === "judged" && event.experiment === index);
  if (description.checks !== true || stillRunning === true || isJudged || records.length === 0) return [];
  return [{ state: "INVALID", what: "its checks were not evaluated, because the run ended before", advice: "run it again to its end" }];
}

export function damageReasons({ damaged = [] }: TestResult): readonly ValidityReason[] {
  if (damaged.length === 0) return [];
  const what = `its journal was damaged after it was written: ${damaged.join(" and ")} ${damaged.length === 1 ? "lacks its end" : "lack their ends"}, and rows are missing`;
  return [{ state: "INVALID", what, advice: "do not rely on any of this: run it again, or bring the files back from a copy" }];
}

export function csvReasons({ records }: ExperimentResult, { gapsUnknown }: TestResult): readonly ValidityReason[] {
  if (gapsUnknown !== true) return [];
  const endless = new Set(records.filter(endsUnknown).map(({ engine }) => engine));
  const without =
    endless.size === 0
      ? ""
      : `; when what failed had ended this one does not say, so there are no requests/s of ${[...endless].join(", ")}`;
  return [{ ...fromCsv, what: `${fromCsv.what}${without}` }];
}

const fromCsv: ValidityReason = {
  state: "DEGRADED",
  what: "a CSV says neither what was in the way of the measurement nor which engine was the baseline (the last one is taken for it)",
  advice: "report the run's directory where there is one: tandem report DIR",
};
