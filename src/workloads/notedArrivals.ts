import type { Arrival } from "../model/request.ts";
import type { Arrivals, Workload } from "../model/workload.ts";

export interface NotedArrivals {
  readonly arrivals: Arrivals;
  /** Whether a workload's requests are due exactly when these arrivals have said so far, and not at times of its own. */
  areThoseOf(workload: Workload): boolean;
}

/** Arrivals that remember what they gave: a generator need not keep to it, and pages must not say that it did. */
export function notedArrivals(asked: Arrivals): NotedArrivals {
  const given: Arrival[] = [];
  const { kind, options } = asked;
  return {
    arrivals: {
      kind,
      options,
      schedule: (count, draw) => {
        const schedule = asked.schedule(count, draw);
        // That it is a list at all is looked at by whoever asked.
        if (Array.isArray(schedule)) for (const arrival of schedule as readonly Arrival[]) given.push(arrival);
        return schedule;
      },
    },
    areThoseOf: ({ requests }) => requests.every(({ id, arrival }) => isSame(arrival, given[id])),
  };
}

function isSame(one: Arrival, other: Arrival | undefined): boolean {
  if (one === other) return true;
  if (one.kind === "at") return other?.kind === "at" && one.offset === other.offset;
  return other?.kind === "after" && one.request === other.request && one.pause === other.pause;
}
