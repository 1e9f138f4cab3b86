import { draws } from "../model/draw.ts";
import type { Experiment } from "../model/experiment.ts";
import { HarnessError } from "../model/harnessError.ts";
import { partsOf, type Passage, type ReplyOf, type Request } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";
import { byAuthor } from "./byAuthor.ts";
import { PartNumbers } from "./partNumbers.ts";
import { refuseFalseLengths } from "./refuseFalseLengths.ts";
import { refuseTooMuch } from "./refuseTooMuch.ts";
import { refuseUnsound } from "./refuseUnsound.ts";
import { soundArrivals } from "./soundArrivals.ts";

/**
 * What each block of an experiment sends, the first one first. What one has in common with those before it counts as reusable, and with what is in all of
 * `sent`: the prompts that each engine's caches have from experiments before, to which its own are added.
 */
export function blocksOf(experiment: Experiment, sent: readonly SentPrompts[] = usualFor(experiment)): readonly Workload[] {
  const { workload, repeats, cacheState } = experiment;
  const first = generated(experiment, 0);
  refuseTooMuch(`workload ${workload.kind}`, first, repeats);
  const later = Array.from({ length: repeats - 1 }, (_, earlier) => generated(experiment, earlier + 1));
  const blocks = [first, ...later];
  if (later.length > 0 && new Set(blocks.map(scheduleOf)).size > 1) {
    refuseFickle(experiment);
    throw new HarnessError("usage", `workload ${workload.kind}: its blocks are not due at the same times`, {
      hint: "generate(arrivals, seed, block) may only give a later block other prompts",
    });
  }
  return sent.length === 0 ? blocks : blocks.map((block) => after(sent, block, cacheState === "cold"));
}

/** Throws where it is the arrivals that say other times each time they are asked, and not the workload. */
function refuseFickle({ arrivals, seed }: Experiment): void {
  const asked = [1, 2].map(() => JSON.stringify(arrivals.schedule(asOften, draws(seed, "arrivals"))));
  if (asked[0] === asked[1]) return;
  throw new HarnessError("usage", `arrivals ${arrivals.kind}: schedule(${asOften}) gives other times when it is asked again`, {
    hint: "its times may come from count and draw alone: no Math.random, and nothing that is kept from one call to the next",
  });
}

const asOften = 16;

/** Of a single block nothing was sent before. */
function usualFor({ repeats }: Experiment): readonly SentPrompts[] {
  return repeats === 1 ? [] : [new SentPrompts()];
}

function generated({ workload, arrivals, seed, cacheState }: Experiment, block: number): Workload {
  const made = byAuthor(`generate() of workload ${workload.kind}`, () => workload.generate(soundArrivals(arrivals), seed, block));
  refuseUnsound(workload.kind, made);
  // A later block may count what those before it have sent, and where caches are primed every context was.
  refuseFalseLengths(workload.kind, made.requests, { reuse: block === 0 && cacheState !== "primed" });
  return made;
}

function scheduleOf({ requests }: Workload): string {
  return JSON.stringify(requests.map(({ id, arrival }) => [id, arrival]));
}

/** `emptied`: before this block, so that caches have nothing of those before. */
function after(sent: readonly SentPrompts[], block: Workload, emptied: boolean): Workload {
  if (emptied) for (const one of sent) one.forget();
  const requests = block.requests.map((request) => ({
    ...request,
    reusableTokens: emptied ? request.reusableTokens : Math.max(request.reusableTokens, tokensInAll(sent, request)),
  }));
  for (const one of sent) for (const request of requests) one.add(request);
  return { ...block, requests };
}

/** The same request must be the same work on every engine: warm is what all of them have. */
function tokensInAll(sent: readonly SentPrompts[], request: Request): number {
  return Math.min(...sent.map((one) => one.found(request)));
}

/** Prompts that were sent to one server, by their beginnings, part by part. */
export class SentPrompts {
  /** Tokens that prompts had in common with those sent before, of all that were looked up so far. */
  tokensFound: number;
  private readonly numbers: PartNumbers;
  private readonly beginnings: Set<string>;

  constructor() {
    this.tokensFound = 0;
    this.numbers = new PartNumbers();
    this.beginnings = new Set();
  }

  forget(): void {
    this.beginnings.clear();
  }

  /** Counted. */
  found(request: Request): number {
    const tokens = this.tokensInCommon(request);
    this.tokensFound += tokens;
    return tokens;
  }

  add(request: Request): void {
    for (const beginning of this.beginningsOf(request)) this.beginnings.add(beginning);
  }

  /** All of a prompt that was sent before, else its parts up to the first that was not. */
  private tokensInCommon(request: Request): number {
    const beginnings = this.beginningsOf(request);
    const firstOther = beginnings.findIndex((beginning) => !this.beginnings.has(beginning));
    if (firstOther === -1) return request.contextTokens + request.questionTokens;
    return partsOf(request)
      .slice(0, firstOther)
      .reduce((sum, part) => sum + tokensOf(part), 0);
  }

  /** "0", "0 1", "0 1 5": each part's number after those before it. */
  private beginningsOf(request: Request): readonly string[] {
    const numbers = partsOf(request).map((part) => this.numbers.numberOf(part));
    return numbers.map((_, index) => numbers.slice(0, index + 1).join(" "));
  }
}

/** What an engine will reply itself is not known beforehand. */
function tokensOf(part: Passage | ReplyOf): number {
  return (part.kind === "passage" ? part : part.scripted)?.tokenIds.length ?? 0;
}
