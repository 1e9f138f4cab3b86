import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import { toSeconds } from "../model/time.ts";
import { begunBefore } from "./begunBefore.ts";
import { deathOf } from "./deaths.ts";
import { beyond, limitsOf } from "./validityLimits.ts";

/** Engines that were started anew by somebody else as an experiment was played: what they had cached is gone. Of those that died then, that is the reason. */
export function restartReasons(experiment: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  const { restarted: limit } = limitsOf(experiment.description);
  return events.flatMap(({ at, event }, index) => {
    if (event.kind !== "restarted" || deathOf(event.engine, experiment, events) !== undefined) return [];
    const began = begunBefore(index, events);
    if (began?.experiment !== experiment.index) return [];
    return beyond(limit, 1, {
      what: `was started anew, as was seen ${toSeconds(at - began.at).toFixed(0)} s after the experiment began (${event.message}): its caches were empty then, and its code cold`,
      advice:
        "find out who ended it, and run it again; where several servers answer at its address, measure one of them, or say limits: { restarted: false } in a test file's experiment",
      engine: event.engine,
    });
  });
}
