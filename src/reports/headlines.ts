import type { TestFigures } from "../measure/testFigures.ts";
import type { Comparison } from "../model/figures.ts";

/**
 * One engine's comparisons that answer an experiment, the first one first: time to first token where the cache is warm, then throughput there,
 * then all others that are worse: with --fail-on worse each of them ends in exit code 1, and whoever sees that must see why.
 */
export function headlines(ofOneEngine: readonly Comparison[]): readonly Comparison[] {
  const first = inOrder.flatMap((cache) =>
    ofOneEngine.filter((comparison) => comparison.metric === "ttft" && comparison.cache === cache),
  )[0];
  const second = ofOneEngine.find(({ metric, cache }) => metric === "throughput" && (first === undefined || cache === first.cache));
  const worse = ofOneEngine.filter((comparison) => comparison.verdict === "worse" && comparison !== first && comparison !== second);
  return [first, second, ...worse].filter((comparison) => comparison !== undefined);
}

/** Whether a verdict may not be given, because the measurement it rests on is INVALID. */
export function isWithheld({ experiment }: { readonly experiment: number }, { experiments }: TestFigures): boolean {
  return experiments[experiment]?.validity.state === "INVALID";
}

/** Comparisons grouped by the engine that is compared with the baseline. */
export function byOther(comparisons: readonly Comparison[]): readonly (readonly Comparison[])[] {
  return [...Map.groupBy(comparisons, ({ other }) => other).values()];
}

const inOrder = ["warm", "all", "partial", "cold"] as const;
