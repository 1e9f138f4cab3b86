import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { beyond, limitsOf } from "./validityLimits.ts";

/** Engines, and services they need, that were not well for a while as an experiment was played; of those that died, that is the reason. */
export function unwellReasons(experiment: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  const { unwell: limit } = limitsOf(experiment.description);
  const { span } = experiment;
  if (span === undefined) return [];
  return events.flatMap(({ at, event }, index) => {
    if (event.kind !== "unwell" || at < span.from || at > span.to || dies(event.name, events.slice(index))) return [];
    const lasted = lengthOf({ at, lasted: event.lasted, name: event.name }, events.slice(index), span.to);
    return event.engines.flatMap((engine) =>
      beyond(limit, lasted, {
        what: `${event.name === engine ? "" : `${event.name}, which it needs, `}was unwell for ${lasted.toFixed(0)} s while it was measured: ${event.message}`,
        advice: "see why in its log; whatever was asked then was answered late or not at all, so measure again when it is well",
        engine,
      }),
    );
  });
}

function dies(name: string, later: readonly TimedEvent[]): boolean {
  return later.some(
    ({ event }) => (event.kind === "died" && event.engine === name) || (event.kind === "serviceDied" && event.service === name),
  );
}

/** Until it was well again, or the experiment over. */
function lengthOf(
  { at, lasted, name }: { readonly at: Nanoseconds; readonly lasted: Seconds; readonly name: string },
  later: readonly TimedEvent[],
  end: Nanoseconds,
): Seconds {
  const again = later.map(({ event }) => event).find((event) => event.kind === "wellAgain" && event.name === name);
  return again?.kind === "wellAgain" ? again.lasted : lasted + toSeconds(end - at);
}
