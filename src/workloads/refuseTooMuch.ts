import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { most } from "../model/most.ts";
import { partsOf } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";

/** A year, in seconds. */
const longest = 366 * 86_400;

/** Throws where an experiment whose first block this is would never come to its end, or not fit into memory. */
export function refuseTooMuch(title: string, { requests }: Workload, repeats: number): void {
  refuseTooMany(title, requests.length * repeats, repeats === 1 ? "" : ` in ${grouped(repeats)} blocks`);
  if (repeats > 1) refuseTooManyTokens(title, distinctTokens(requests) * repeats);
  const due = requests.reduce((last, { arrival }) => Math.max(last, arrival.kind === "at" ? arrival.offset : arrival.pause), 0);
  if (due <= longest) return;
  throw new HarnessError("usage", `${title}: it would wait more than a year for one of its requests`, {
    hint: "let requests follow each other sooner: a higher rate, or less time to think",
  });
}

function refuseTooMany(title: string, requests: number, where: string): void {
  if (requests <= most.requests) return;
  throw new HarnessError("usage", `${title}: ${grouped(requests)} requests${where}, and at most ${grouped(most.requests)} can be kept`, {
    hint: "ask for fewer requests or repeats; several experiments of a test are measured one after the other",
  });
}

export function refuseTooManyTokens(title: string, tokens: number): void {
  if (tokens <= most.tokensInAll) return;
  throw new HarnessError(
    "usage",
    `${title}: its different prompts would have ${grouped(tokens)} tokens, and at most ${grouped(most.tokensInAll)} are made beforehand`,
    { hint: "ask about fewer documents, shorter ones, or in fewer blocks (repeats)" },
  );
}

function distinctTokens(requests: Workload["requests"]): number {
  const passages = new Set(requests.flatMap(partsOf));
  return [...passages].reduce((sum, part) => sum + (part.kind === "passage" ? part.tokenIds.length : 0), 0);
}
