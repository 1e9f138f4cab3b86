import type { EngineSummary } from "../model/figures.ts";
import type { EngineProof } from "../model/proof.ts";
import type { CacheTokens } from "./cacheTokens.ts";

/** Where an engine keeps prompts: in its own memory, or in a cache beside it as well. */
export type CacheSign = "own" | "beside";

/** By what it was asked to keep, what was found before, and what it tells of this experiment; undefined where nothing speaks for a cache. */
export function cacheSign(
  { cachedTokens = 0 }: Pick<EngineSummary, "cachedTokens">,
  { external = 0, memoryTier = 0, lowerTier = 0, own = 0 }: Pick<CacheTokens, "external" | "memoryTier" | "lowerTier" | "own">,
  proofs: readonly EngineProof[],
): CacheSign | undefined {
  const reuse = proofs.findLast((proof) => proof.reuse !== undefined)?.reuse;
  if (reuse?.external === true || external + memoryTier + lowerTier > 0) return "beside";
  return reuse?.own === true || cachedTokens + own > 0 || proofs.some(foundAgain) ? "own" : undefined;
}

function foundAgain({ answers = [] }: EngineProof): boolean {
  return answers.some(({ again }) => (again.cachedTokens ?? 0) > 0);
}

/** Whether it stores something that the baseline does not. */
export function storesMore(own: CacheSign | undefined, baseline: CacheSign | undefined): boolean {
  return own === "beside" ? baseline !== "beside" : own === "own" && baseline === undefined;
}
