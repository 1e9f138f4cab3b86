import { shown, wholeNumber } from "../model/checkOptions.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Arrival } from "../model/request.ts";
import type { Arrivals } from "../model/workload.ts";
import { byAuthor } from "./byAuthor.ts";
import { mistakeInArrival } from "./mistakeInArrival.ts";

/** Arrivals whose schedules are looked at: nothing need have type-checked an author's own, and a request without a time would go out at once. */
export function soundArrivals(arrivals: Arrivals): Arrivals {
  const { kind, options } = arrivals;
  return {
    kind,
    options,
    schedule: (count, draw) =>
      parseSchedule(
        byAuthor(`schedule() of arrivals ${kind}`, () => arrivals.schedule(count, draw)),
        count,
        kind,
      ),
  };
}

function parseSchedule(given: unknown, count: number, kind: string): readonly Arrival[] {
  if (!Array.isArray(given)) throw unsound(kind, `schedule(${count}) must give a list of ${grouped(count)} arrivals, not ${shown(given)}`);
  if (given.length !== count) {
    throw unsound(
      kind,
      `schedule(${count}) must give ${grouped(count)} arrivals, one for each request, and gives ${grouped(given.length)}`,
    );
  }
  const position = wholeNumber({ from: 0, to: count - 1 });
  for (const [place, arrival] of given.entries()) {
    const mistake = mistakeInArrival(arrival, position);
    if (mistake !== undefined) throw unsound(kind, `schedule(${count}): of request ${place} ${mistake}`);
  }
  const schedule = given as readonly Arrival[]; // each of them has been looked at
  const disorder = mistakeInOrder(schedule);
  if (disorder !== undefined) throw unsound(kind, `schedule(${count}): ${disorder}`);
  return schedule;
}

/** What is cold, and what a request has in common with those before it, goes by the order in which they are made: it must be that in which they are due. */
function mistakeInOrder(schedule: readonly Arrival[]): string | undefined {
  let latest = 0;
  for (const [place, arrival] of schedule.entries()) {
    if (arrival.kind === "after") {
      if (arrival.request >= place) return `request ${place} may only come after one that stands before it`;
    } else {
      if (arrival.offset < latest) return `request ${place} is due at ${arrival.offset} s, and one before it at ${latest} s`;
      latest = arrival.offset;
    }
  }
  return undefined;
}

function unsound(kind: string, mistake: string): HarnessError {
  return new HarnessError("usage", `arrivals ${kind}: ${mistake}`, {
    hint: 'an arrival is { kind: "at", offset: 2.5 }, in seconds and ascending, or { kind: "after", request: 0, pause: 1 }: docs/workloads.md',
  });
}
