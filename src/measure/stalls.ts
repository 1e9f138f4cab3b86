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

type Span = NonNullable<ExperimentResult["span"]>;

/** Shorter ones are garbage, or a busy moment: the delay of nine looks in ten tells of those. */
const least: Seconds = 0.1;

/**
 * Each counts once however long it was, as the longest delay of the second in which it ended, and only with what can have been within the
 * experiment. Undefined where nobody looked.
 */
export function stallsOf({ readings, span }: Pick<ExperimentResult, "readings" | "span">): Stalls | undefined {
  const told = readings.filter(({ series, of }) => series === "event-loop-delay-max-seconds" && workerOf(of) !== undefined);
  if (told.length === 0 || span === undefined || span.to <= span.from) return undefined;
  const length = toSeconds(span.to - span.from);
  const threads = [...Map.groupBy(told, ({ of }) => of).values()].map((readings) => standingStill(readings, span.from));
  const seconds = threads.reduce((most, one) => Math.max(most, Math.min(one, length)), 0);
  return { seconds, share: seconds / length };
}

function standingStill(readings: readonly Reading[], from: Span["from"]): Seconds {
  return readings.reduce((sum, { at, value }) => (value < least ? sum : sum + Math.min(value, Math.max(0, toSeconds(at - from)))), 0);
}
