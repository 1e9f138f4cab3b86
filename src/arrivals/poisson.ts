import { checkOptions, upTo } from "../model/checkOptions.ts";
import type { Draw } from "../model/draw.ts";
import { most } from "../model/most.ts";
import type { Arrival } from "../model/request.ts";
import type { Arrivals } from "../model/workload.ts";

export interface PoissonOptions {
  readonly perSecond: number;
}

const rules = { perSecond: upTo(most.perSecond) };

/** Requests of many independent users: so many per second on average, with exponential gaps. */
export function poisson(options: PoissonOptions): Arrivals {
  checkOptions("poisson()", options, Object.keys(rules), rules, ["perSecond"]);
  const { perSecond } = options;
  return {
    kind: "poisson",
    options: { perSecond },
    phrase: `${perSecond} per second at random`,
    schedule: (count, draw) => exponentialGaps(count, perSecond, draw),
  };
}

function exponentialGaps(count: number, perSecond: number, draw: Draw): readonly Arrival[] {
  let offset = 0;
  // 1 - draw() is in (0, 1], so its logarithm is finite.
  return Array.from({ length: count }, () => ({ kind: "at", offset: (offset -= Math.log(1 - draw()) / perSecond) }));
}
