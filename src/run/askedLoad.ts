import type { Phase } from "../load/phase.ts";
import { busiestSecond, mostDueAtOnce } from "../measure/dues.ts";
import type { Seconds } from "../model/time.ts";

/** What a test's schedules ask of the harness, whatever its engines answer. */
export interface AskedLoad {
  /** The most that are due at the same moment, and so open at the same time: of a closed loop all there are. */
  readonly streams: number;
  /** When requests fall due in the busiest second of a schedule, from its start; empty where all are due at once, or follow others. */
  readonly dues: readonly Seconds[];
  /** Of the longest reply. */
  readonly tokens: number;
}

export function askedLoad(phases: readonly Phase[]): AskedLoad {
  const schedules = phases.map((phase) => duesOf(phase));
  const rates = schedules.filter((dues) => mostDueAtOnce(dues) < dues.length).map(busiestSecond);
  const busiest = rates.reduce((most, dues) => (dues.length > most.length ? dues : most), []);
  const [from = 0] = busiest;
  return {
    streams: schedules.reduce((most, dues) => Math.max(most, mostDueAtOnce(dues)), 1),
    dues: busiest.map((due) => due - from),
    tokens: phases.flat().reduce((most, { request }) => Math.max(most, request.maxOutputTokens), 1),
  };
}

function duesOf(phase: Phase): readonly Seconds[] {
  return phase.flatMap(({ due }) => due ?? []);
}
