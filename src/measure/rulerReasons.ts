import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TestDescription, TestResult } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { observedLoad } from "./observedLoad.ts";
import { rulerErrorOf } from "./rulerError.ts";
import { beyond, limitsOf, type Limits } from "./validityLimits.ts";

/** After these nothing is played again, and nobody need have ended what would have answered. */
const cutsShort: ReadonlySet<RunEvent["kind"]> = new Set(["interrupted", "died", "notUp", "serviceDied", "serviceNotUp"]);

/** The harness's own error is found twice, beside the engines and after them: where one is missing, what is told is not the larger of two. */
export function rulerReasons(experiment: ExperimentResult, { description, events, stillRunning }: TestResult): readonly ValidityReason[] {
  if (description.calibration !== "on" || stillRunning === true) return [];
  if (rulerErrorOf(experiment.readings, "replay after") !== undefined || observedLoad(experiment) === undefined) return [];
  const isCutShort = events.some(({ event }) => cutsShort.has(event.kind)) || !events.some(({ event }) => event.kind === "testEnded");
  const isHalfKnown = rulerErrorOf(experiment.readings, "control stream") !== undefined;
  return beyond(limitsOf(experiment.description).uncalibrated, 1, {
    what: `its load was not played again afterwards: the harness's own error is ${isHalfKnown ? "known only by the stream of control" : "not known"}`,
    advice: isCutShort
      ? "run it again to its end"
      : "run it again; the process beside it that answers to a timetable (groundTruth.ts) must be left alone",
  });
}

/** By --no-calibration. */
export function uncalibratedReasons({ calibration }: TestDescription, limits: Limits): readonly ValidityReason[] {
  return beyond(limits.uncalibrated, calibration === "off" ? 1 : 0, {
    what: "the harness's own error is not known",
    advice: "run without --no-calibration before you rely on a small difference",
  });
}
