import type { TestDescription } from "../model/result.ts";

/**
 * Every engine was simulated within the harness, in virtual time: nobody was started and nobody was called.
 * Two such runs of one seed are the same, so reports leave out what only tells when and where they were made.
 */
export function isVirtual({ simulated, engines }: TestDescription): boolean {
  return simulated && engines.every(({ command, url }) => command === undefined && url === undefined);
}
