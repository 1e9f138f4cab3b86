import type { Arrivals } from "../model/workload.ts";

/** Every request at the very start. */
export function atOnce(): Arrivals {
  return { kind: "atOnce", options: {}, dueTimes: (count) => Array.from({ length: count }, () => 0) };
}
