import type { Arrivals } from "../model/workload.ts";

/** Every request at the very start. */
export function atOnce(): Arrivals {
  return {
    kind: "atOnce",
    options: {},
    phrase: "all at once",
    schedule: (count) => Array.from({ length: count }, () => ({ kind: "at", offset: 0 })),
  };
}
