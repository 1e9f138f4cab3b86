import { shortestStall, workerOf } from "../model/harnessThread.ts";
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

/** Of each second how long it stood still. Older journals have only the longest delay of each. */
const stalled = "event-loop-stalled-seconds";
const longest = "event-loop-delay-max-seconds";

/** Each counts once however long it was, in the second in which it ended, and only with what can have been within the experiment. Undefined where nobody looked. */
export function stallsOf({ readings, span }: Pick<ExperimentResult, "readings" | "span">): Stalls | undefined {
  const own = readings.filter(({ of }) => workerOf(of) !== undefined);
  const sums = own.filter(({ series }) => series === stalled);
  const told = sums.length > 0 ? sums : own.filter(({ series }) => series === longest);
  if (told.length === 0 || span === undefined || span.to <= span.from) return undefined;
  const length = toSeconds(span.to - span.from);
  const threads = [...Map.groupBy(told, ({ of }) => of).values()].map((readings) => standingStill(readings, span.from));
  const seconds = threads.reduce((most, one) => Math.max(most, Math.min(one, length)), 0);
  return { seconds, share: seconds / length };
}

function standingStill(readings: readonly Reading[], from: Span["from"]): Seconds {
  return readings.reduce(
    (sum, { at, value }) => (value < shortestStall ? sum : sum + Math.min(value, Math.max(0, toSeconds(at - from)))),
    0,
  );
}
