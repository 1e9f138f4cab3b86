import type { Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import type { Workload } from "../model/workload.ts";

/** One request's turn on one engine. */
export interface Turn {
  readonly engine: string;
  readonly block: number;
  readonly request: Request;
  /** From the start of its phase; undefined when it follows another request of the same engine and block. */
  readonly due: Seconds | undefined;
}

/** Turns that share a start; the next phase starts when every one of them has ended. */
export type Phase = readonly Turn[];

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
 * Each request goes to one engine after the other, in reverse order every second time (ABBA). The time until the next request is due is shared
 * out evenly: on the whole every engine sees the workload's own rate. One phase for each block.
 */
export function interleaved(engines: readonly string[], workload: Workload, repeats: number): readonly Phase[] {
  const requests = inTime(workload.requests);
  const dues = requests.map(offsetOf).filter((due) => due !== undefined);
  return blocks(repeats).map((block) => {
    let independent = 0;
    return requests.flatMap((request, index) => {
      const due = offsetOf(request);
      const share = due === undefined ? 0 : gapAfter(dues, independent++) / engines.length;
      return inAlternation(engines, block + index).map((engine, place) =>
        turn(engine, block, request, due === undefined ? undefined : due + place * share),
      );
    });
  });
}

/** As they fall due, which need not be as they are numbered: what has no time of its own stays behind the one before it. */
function inTime(requests: readonly Request[]): readonly Request[] {
  let latest = 0;
  const timed = requests.map((request) => ({ request, due: (latest = offsetOf(request) ?? latest) }));
  return timed.sort((one, other) => one.due - other.due).map(({ request }) => request);
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

/** Nothing follows the last one: it gets the mean of the others. */
function gapAfter(dues: readonly Seconds[], index: number): Seconds {
  const here = dues[index] ?? 0;
  const next = dues[index + 1];
  if (next !== undefined) return next - here;
  return dues.length > 1 ? (here - (dues[0] ?? 0)) / (dues.length - 1) : 0;
}
