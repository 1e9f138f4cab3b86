import type { ExperimentResult, TestResult } from "../model/result.ts";

/** Whether the run was killed amid this experiment: what is due is written down within a second, and the last of it may not have been. */
export function isCutOff({ index }: Pick<ExperimentResult, "index">, { complete, stillRunning = false, events }: TestResult): boolean {
  if (complete || stillRunning || events.some(({ event }) => event.kind === "testEnded")) return false;
  const own = events.flatMap(({ event }) => ("experiment" in event && event.experiment === index ? [event.kind] : []));
  return own.lastIndexOf("experimentStarted") > own.lastIndexOf("experimentEnded");
}

/** Of an engine without a record in such an experiment. */
export const unwritten = "had no record of a request on the disk when the run was cut off";
