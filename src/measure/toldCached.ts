import type { RequestRecord } from "../model/record.ts";

/**
 * Cached tokens of one reply of an engine that tells them of some: where its usage came without, there were none, since engines leave out a 0
 * (vLLM did for long). Undefined where nobody knows.
 */
export function toldCached({
  cachedTokens,
  promptTokens,
  impossibleCachedTokens,
}: Pick<RequestRecord, "cachedTokens" | "promptTokens" | "impossibleCachedTokens">): number | undefined {
  return cachedTokens ?? (promptTokens === undefined || impossibleCachedTokens !== undefined ? undefined : 0);
}
