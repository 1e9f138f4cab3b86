import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import { begunBefore } from "./begunBefore.ts";

/** Engines on whose port somebody else listened as an experiment was played: the kernel shares connections out among all who do. */
export function sharedPortReasons({ index }: Pick<ExperimentResult, "index">, events: readonly TimedEvent[]): readonly ValidityReason[] {
  return events.flatMap(({ event }, place) => {
    if (event.kind !== "portShared" || begunBefore(place, events)?.experiment !== index) return [];
    const advice = "any of its requests may have been answered there: end that one, and run it again";
    return [{ state: "INVALID", what: event.message, advice, engine: event.engine }];
  });
}
