import type { Phase } from "../load/order.ts";
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

/** Opened amid the load, so many a second delay nothing: half as many in the half second that `load/expectation.ts` looks at, before each phase. */
const fewASecond = 64;

/**
 * Connections worth opening before the clock starts: as many as requests fall due at once, or within a second where those are many. Others are opened
 * when they are wanted, since a server may keep a thread for each.
 */
export function connectionsFor(phases: readonly Phase[], engine: string): number {
  return phases.reduce((most, phase) => Math.max(most, openedBefore(duesOf(phase, engine))), 1);
}

function openedBefore(dues: readonly Seconds[]): number {
  const within = busiestSecond(dues).length;
  return within > fewASecond ? within : mostDueAtOnce(dues);
}

/** Of one engine's turns, or of all. */
function duesOf(phase: Phase, engine?: string): readonly Seconds[] {
  return phase.flatMap((turn) => (turn.due !== undefined && (engine === undefined || turn.engine === engine) ? [turn.due] : []));
}
