import { checkOptions, notNegative, wholeNumber } from "../model/checkOptions.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import type { Arrival } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import type { Arrivals } from "../model/workload.ts";

export interface ClosedLoopOptions {
  /** Requests under way at the same time: the next of each user is due when the one before has ended, well or not. */
  readonly concurrency: number;
  /** From the end of an answer to the user's next request; 0 unless said. */
  readonly thinkSeconds?: Seconds;
}

const rules = { concurrency: wholeNumber({ from: 1, to: most.concurrency }), thinkSeconds: notNegative };

/** So many users, each of whom asks again when it has its answer. A slow engine is asked less: latencies of two engines are then not of the same load. */
export function closedLoop(options: ClosedLoopOptions): Arrivals {
  checkOptions("closedLoop()", options, Object.keys(rules), rules, ["concurrency"]);
  const { concurrency, thinkSeconds = 0 } = options;
  const arrivalOf = (index: number): Arrival =>
    index < concurrency ? { kind: "at", offset: 0 } : { kind: "after", request: index - concurrency, pause: thinkSeconds };
  return {
    kind: "closedLoop",
    options: { concurrency, ...(thinkSeconds === 0 ? {} : { thinkSeconds }) },
    phrase: `${grouped(concurrency)} at a time${thinkSeconds === 0 ? "" : ` with ${thinkSeconds} s after each answer`}`,
    schedule: (count) => Array.from({ length: count }, (_, index) => arrivalOf(index)),
  };
}
