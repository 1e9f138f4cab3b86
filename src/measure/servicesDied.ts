import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";

/** Services that had ended by themselves before an experiment was over: their engines were then others than those that were asked for. */
export function serviceReasons({ span }: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  return events.flatMap(({ at, event }) => {
    if (event.kind !== "serviceDied" || (span !== undefined && at > span.to)) return [];
    return event.engines.map((engine) => ({
      state: "INVALID" as const,
      what: `service ${event.service} ended by itself while engines needed it`,
      advice: "see why in its log, and run it again",
      engine,
    }));
  });
}
