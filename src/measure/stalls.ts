import { shortestStall, workerOf } from "../model/harnessThread.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { startsOf } from "./startsOf.ts";

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
  const told = toldOf(readings);
  if (told.length === 0 || span === undefined || span.to <= span.from) return undefined;
  const length = toSeconds(span.to - span.from);
  const threads = [...Map.groupBy(told, ({ of }) => of).values()].map((readings) => standingStill(readings, span.from));
  const seconds = threads.reduce((most, one) => Math.max(most, Math.min(one, length)), 0);
  return { seconds, share: seconds / length };
}

function toldOf(readings: readonly Reading[]): readonly Reading[] {
  const own = readings.filter(({ of }) => workerOf(of) !== undefined);
  const sums = own.filter(({ series }) => series === stalled);
  return sums.length > 0 ? sums : own.filter(({ series }) => series === longest);
}

/** A reading is of the second before it, or of what ended in that; a deadline that passed meanwhile is seen as soon as the thread goes on. */
const [readEvery, seenWithin]: readonly [Seconds, Seconds] = [1, 0.1];

/** Whether a request missed a deadline about when a load thread stood still, to a second: what had come may not have been read. */
export function endedInStall(experiment: Pick<ExperimentResult, "readings" | "starts">): (record: RequestRecord) => boolean {
  const stalls = toldOf(experiment.readings).filter(({ value }) => value >= shortestStall);
  const startOf = startsOf(experiment);
  return ({ engine, block, ended, outcome }) => {
    const start = startOf(engine, block);
    if (ended === undefined || start === undefined || outcome.kind !== "failed" || !outcome.code.endsWith("-timeout")) return false;
    const since = (at: Nanoseconds) => toSeconds(start + ended - at);
    return stalls.some(({ at, value }) => since(at) > -value - readEvery && since(at) < seenWithin);
  };
}

function standingStill(readings: readonly Reading[], from: Span["from"]): Seconds {
  return readings.reduce(
    (sum, { at, value }) => (value < shortestStall ? sum : sum + Math.min(value, Math.max(0, toSeconds(at - from)))),
    0,
  );
}
