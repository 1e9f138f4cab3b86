import type { TimedEvent } from "../model/result.ts";
import type { Nanoseconds } from "../model/time.ts";

/** The experiment that began last before an event. Engines of several batches play the same experiments one batch after the other, so one begins several times. */
export function begunBefore(
  place: number,
  events: readonly TimedEvent[],
): { readonly experiment: number; readonly at: Nanoseconds } | undefined {
  const began = events.slice(0, place).findLast(({ event }) => event.kind === "experimentStarted");
  return began?.event.kind === "experimentStarted" ? { experiment: began.event.experiment, at: began.at } : undefined;
}
