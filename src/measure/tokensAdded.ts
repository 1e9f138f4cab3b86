import type { RequestRecord } from "../model/record.ts";

/** A chat template's, as most are. */
export const tokensOfTemplate = 64;

/**
 * What a prompt has beyond what was asked for: a template, or a system prompt that the server adds, which all prompts begin with and each finds in a cache
 * that is not full of anything else. Where an engine counts fewer than we do, of text that our vocabulary does not know, nobody can tell how many they are.
 */
export function tokensAdded({
  promptTokens,
  contextTokens,
  questionTokens,
}: Pick<RequestRecord, "promptTokens" | "contextTokens" | "questionTokens">): number {
  if (promptTokens === undefined) return 0;
  const added = promptTokens - contextTokens - questionTokens;
  return added < 0 ? tokensOfTemplate : added;
}
