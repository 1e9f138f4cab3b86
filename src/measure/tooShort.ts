import type { ValidityReason } from "../model/figures.ts";
import { grouped } from "../model/grouped.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import { ofEngine } from "./ofEngine.ts";
import { isCompleted } from "./summary.ts";
import { beyond, limitsOf, share } from "./validityLimits.ts";

/** Of engines that were told how long each answer has to be: less work than was asked for looks fast. Only what usage tells is certain. */
export function tooShortReasons(
  { records, description }: ExperimentResult,
  engines: readonly EngineDescription[],
): readonly ValidityReason[] {
  const limits = limitsOf(description);
  const told = engines.filter(({ lengths }) => lengths === "fixed").map(({ name }) => name);
  return told.flatMap((engine) => {
    const replies = ofEngine(records, engine).filter((record) => isCompleted(record) && record.outputTokensSource === "usage");
    const shorter = replies.filter(({ outputTokens = 0, maxOutputTokens = 0 }) => outputTokens < maxOutputTokens);
    const [shortest] = shorter.toSorted((one, other) => (one.outputTokens ?? 0) - (other.outputTokens ?? 0));
    return beyond(limits.short, share(shorter.length, replies.length), {
      what: `answered ${grouped(shorter.length)} of ${grouped(replies.length)} requests with fewer tokens than it was told to (down to ${grouped(shortest?.outputTokens ?? 0)} of ${grouped(shortest?.maxOutputTokens ?? 0)})`,
      advice:
        "it does not keep to min_tokens and ignore_eos, or its context ended: rely on TTFT and TPOT; E2E latency and tokens/s are of shorter answers",
      engine,
    });
  });
}
