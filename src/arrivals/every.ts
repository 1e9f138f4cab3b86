import { checkOptions, notNegative, positive, type OptionRule } from "../model/checkOptions.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import type { Seconds } from "../model/time.ts";
import type { Arrivals } from "../model/workload.ts";

export interface EveryOptions {
  readonly seconds: Seconds;
  /** When the first request is due; 0 unless said. */
  readonly startAfter?: Seconds;
}

const apart: OptionRule = (value) =>
  positive(value) ?? (Number(value) < 1 / most.perSecond ? `must leave at most ${grouped(most.perSecond)} requests a second` : undefined);

const rules = { seconds: apart, startAfter: notNegative };

/** One request every so many seconds. */
export function every(options: EveryOptions): Arrivals {
  checkOptions("every()", options, Object.keys(rules), rules, ["seconds"]);
  const { seconds, startAfter = 0 } = options;
  return {
    kind: "every",
    options: { seconds, ...(startAfter === 0 ? {} : { startAfter }) },
    phrase: `one every ${seconds} s${startAfter === 0 ? "" : ` from ${startAfter} s on`}`,
    schedule: (count) => Array.from({ length: count }, (_, index) => ({ kind: "at", offset: startAfter + index * seconds })),
  };
}
