import { largestOf, smallestOf } from "../model/extremes.ts";
import { lastMoment } from "../model/chunks.ts";
import type { RequestRecord } from "../model/record.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import type { Nanoseconds } from "../model/time.ts";
import { byBlock } from "./ofEngine.ts";
import { startsOf } from "./startsOf.ts";

/** A request from being sent to its end, on the clock that readings have. */
export interface Flight {
  readonly engine: string;
  readonly block: number;
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
}

function flightsOf(experiment: ExperimentResult): readonly Flight[] {
  const startOf = startsOf(experiment);
  return experiment.records.flatMap((record) => {
    const { engine, block, sent } = record;
    if (sent === undefined) return [];
    const start = startOf(engine, block) ?? experiment.span?.from ?? 0;
    return [{ engine, block, from: start + sent, to: start + endOf(record, sent) }];
  });
}

/** Of one that was cut off, what is known of it. */
function endOf({ ended, chunks }: RequestRecord, sent: Nanoseconds): Nanoseconds {
  return ended ?? lastMoment(chunks) ?? sent;
}

export interface Length {
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
}

/** Engines that were up together, from their first request to their last end. */
export interface Span extends Length {
  readonly engines: readonly EngineDescription[];
  readonly flights: readonly Flight[];
}

export function spansOf(experiment: ExperimentResult, engines: readonly EngineDescription[]): readonly Span[] {
  const all = flightsOf(experiment);
  return [...Map.groupBy(engines, ({ batch }) => batch).values()].flatMap((together) => {
    const names = new Set(together.map(({ name }) => name));
    const flights = all.filter(({ engine }) => names.has(engine));
    if (flights.length === 0) return [];
    return [{ engines: together, flights, ...lengthOf(flights) }];
  });
}

/** From the first to leave to the last to end. */
function lengthOf(flights: readonly Flight[]): Length {
  return {
    from: smallestOf(flights.map(({ from }) => from)),
    to: largestOf(flights.map(({ to }) => to)),
  };
}

/** When these engines had requests: from the first to the last of each block. What is between, others' turns or the emptying of caches, is not theirs. */
export function turnsOf(engines: readonly string[], flights: readonly Flight[]): readonly Length[] {
  const own = flights.filter(({ engine }) => engines.includes(engine));
  return byBlock(own).map(lengthOf);
}

export function isIn(at: Nanoseconds, turns: readonly Length[]): boolean {
  return turns.some(({ from, to }) => at >= from && at <= to);
}
