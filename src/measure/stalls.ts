import { workerOf } from "../model/harnessThread.ts";
import type { Reading } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { toSeconds, type Seconds } from "../model/time.ts";

/** How long a load thread stood still, of those that did so for longest. */
export interface Stalls {
  readonly seconds: Seconds;
  /** Of the experiment's time. */
  readonly share: number;
}

/** Shorter ones are garbage, or a busy moment: the delay of nine looks in ten tells of those. */
const least: Seconds = 0.1;

/** Each counts once however long it was, as the longest delay of the second in which it ended. Undefined where nobody looked. */
export function stallsOf({ readings, span }: Pick<ExperimentResult, "readings" | "span">): Stalls | undefined {
  const told = readings.filter(({ series, of }) => series === "event-loop-delay-max-seconds" && workerOf(of) !== undefined);
  const length = span === undefined ? 0 : toSeconds(span.to - span.from);
  if (told.length === 0 || length <= 0) return undefined;
  const threads = [...Map.groupBy(told, ({ of }) => of).values()].map(standingStill);
  const seconds = threads.reduce((most, one) => Math.max(most, one), 0);
  return { seconds, share: seconds / length };
}

function standingStill(readings: readonly Reading[]): Seconds {
  return readings.reduce((sum, { value }) => (value < least ? sum : sum + value), 0);
}
