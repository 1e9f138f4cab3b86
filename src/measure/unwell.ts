import { momentsOf } from "../model/chunks.ts";
import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import { toNanoseconds, toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { deathOf } from "./deaths.ts";
import { startsOf } from "./startsOf.ts";
import { beyond, limitsOf } from "./validityLimits.ts";

/** Engines, and services they need, that were not well for a while as an experiment was played; of those that died, that is the reason. */
export function unwellReasons(experiment: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  const { unwell: limit } = limitsOf(experiment.description);
  const { span } = experiment;
  if (span === undefined) return [];
  return events.flatMap(({ at, event }, index) => {
    if (event.kind !== "unwell" || at < span.from || at > span.to) return [];
    // Engines of several batches play the same experiments one batch after the other: it belongs to the one that ends next.
    const ended = events.slice(index + 1).find((later) => later.event.kind === "experimentEnded");
    if (ended?.event.kind === "experimentEnded" && ended.event.experiment !== experiment.index) return [];
    const end = Math.min(ended?.at ?? span.to, span.to);
    const again = recoveryOf(event.name, events.slice(index + 1));
    const died = deathOf(event.name, experiment, events);
    if (died !== undefined && died < (again?.at ?? Infinity)) return [];
    const lasted = again !== undefined && again.at <= end ? again.lasted : event.lasted + toSeconds(end - at);
    const from = at - toNanoseconds(event.lasted);
    if (event.engines.includes(event.name) && wasAnswering(experiment, event.name, { from, lasted })) return [];
    return event.engines.flatMap((engine) =>
      beyond(limit, lasted, {
        what: `${event.name === engine ? "" : `${event.name}, which it needs, `}was unwell for ${lasted.toFixed(0)} s while it was measured: ${event.message}`,
        advice: "see why in its log; whatever was asked then was answered late or not at all, so measure again when it is well",
        engine,
      }),
    );
  });
}

/**
 * A server with one worker that is answering says nothing else meanwhile. Then something came of its requests in every second, and each that was
 * under way was completed.
 */
function wasAnswering(
  experiment: ExperimentResult,
  name: string,
  { from, lasted }: { readonly from: Nanoseconds; readonly lasted: Seconds },
): boolean {
  const startOf = startsOf(experiment);
  const seconds = new Set<number>();
  for (const { engine, block, chunks, sent, ended = Infinity, outcome } of experiment.records) {
    const start = (startOf(engine, block) ?? experiment.span?.from ?? 0) - from;
    if (engine !== name || sent === undefined || start + ended < 0 || toSeconds(start + sent) > lasted) continue;
    if (outcome.kind !== "completed") return false;
    for (const at of momentsOf(chunks)) seconds.add(Math.floor(toSeconds(start + at)));
  }
  return Array.from({ length: Math.floor(lasted) }, (_, second) => second).every((second) => seconds.has(second));
}

/** None where it was still unwell at the end of an experiment, and what follows tells of a later time. */
function recoveryOf(name: string, later: readonly TimedEvent[]): { readonly at: Nanoseconds; readonly lasted: Seconds } | undefined {
  const next = later.find(({ event }) => (event.kind === "unwell" || event.kind === "wellAgain") && event.name === name);
  return next?.event.kind === "wellAgain" ? { at: next.at, lasted: next.event.lasted } : undefined;
}
