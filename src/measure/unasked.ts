import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult } from "../model/result.ts";
import { ofEngine } from "./ofEngine.ts";
import { sumOf } from "./sums.ts";
import { beyond, limitsOf } from "./validityLimits.ts";

/** Engines whose replies were mixed up on the way: one that comes late is taken for that of the next request, and the next one's own is then too many. */
export function unaskedReasons(
  { readings, records, description }: ExperimentResult,
  engines: readonly { readonly name: string }[],
): readonly ValidityReason[] {
  const { unasked: limit } = limitsOf(description);
  const unasked = readings.filter(({ series }) => series === "unasked-replies-count");
  return engines.flatMap(({ name }) => {
    const replies = sumOf(
      unasked.filter(({ of }) => of === name),
      ({ value }) => value,
    );
    return beyond(limit, Math.min(1, replies / Math.max(1, ofEngine(records, name).length)), {
      what: `sent ${replies} ${replies === 1 ? "reply" : "replies"} that nobody had asked for, on connections whose requests had been answered: requests may have been given the replies of others`,
      advice: "look for what stands before it (a proxy, a gateway) and mixes up or repeats replies, and measure without that",
      engine: name,
    });
  });
}
