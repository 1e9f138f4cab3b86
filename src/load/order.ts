import type { Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import type { Workload } from "../model/workload.ts";
import type { Phase, Turn } from "./phase.ts";

/** Every engine gets each request at the same time; who is first changes from request to request. One phase for each block. */
export function together(engines: readonly string[], workload: Workload, repeats: number): readonly Phase[] {
  return blocks(repeats).map((block) =>
    workload.requests.flatMap((request, index) =>
      inAlternation(engines, block + index).map((engine) => turn(engine, block, request, offsetOf(request))),
    ),
  );
}

/** Each engine gets the whole workload alone: ABBA, so that a machine that drifts favours neither. One phase for each block and engine. */
export function inTurn(engines: readonly string[], workload: Workload, repeats: number): readonly Phase[] {
  return blocks(repeats).flatMap((block) =>
    inAlternation(engines, block).map((engine) => workload.requests.map((request) => turn(engine, block, request, offsetOf(request)))),
  );
}

/**
 * Engines take turns: each has the workload's own schedule, moved by its place times the mean gap over the number of engines, so that even requests
 * alternate evenly. One constant for a whole block keeps every gap of every engine: even arrivals stay even, Poisson's stay Poisson's. To share out
 * each gap by itself, or to swap places from request to request, would send each engine other gaps than the workload's, and measure another queue.
 * Where gaps are unlike, a request may so pass one of another engine. Places are swapped from block to block (ABBA); where everything is due at once
 * there is no gap to move by. One phase for each block.
 */
export function interleaved(engines: readonly string[], workload: Workload, repeats: number): readonly Phase[] {
  const share = meanGap(workload.requests) / engines.length;
  if (share === 0) return together(engines, workload, repeats);
  return blocks(repeats).map((block) => {
    const inOrder = inAlternation(engines, block);
    return workload.requests.flatMap((request) =>
      inOrder.map((engine, place) => turn(engine, block, request, moved(offsetOf(request), place * share))),
    );
  });
}

function moved(due: Seconds | undefined, by: Seconds): Seconds | undefined {
  return due === undefined ? undefined : due + by;
}

/** Of requests with a time of their own. */
function meanGap(requests: readonly Request[]): Seconds {
  const dues = requests.map(offsetOf).filter((due) => due !== undefined);
  if (dues.length < 2) return 0;
  const [first, last] = [dues.reduce((least, due) => Math.min(least, due)), dues.reduce((most, due) => Math.max(most, due))];
  return (last - first) / (dues.length - 1);
}

function blocks(repeats: number): readonly number[] {
  return Array.from({ length: repeats }, (_, block) => block);
}

function inAlternation(engines: readonly string[], round: number): readonly string[] {
  return round % 2 === 0 ? engines : [...engines].reverse();
}

function turn(engine: string, block: number, request: Request, due: Seconds | undefined): Turn {
  return { engine, block, request, due };
}

function offsetOf({ arrival }: Request): Seconds | undefined {
  return arrival.kind === "at" ? arrival.offset : undefined;
}
