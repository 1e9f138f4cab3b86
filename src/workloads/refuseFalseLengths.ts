import { checkTogether } from "../model/checkOptions.ts";
import { partsOf, type Passage, type ReplyOf, type Request } from "../model/request.ts";
import { Beginnings, type Pieces } from "./beginnings.ts";
import { refuseBy, type RequestRule } from "./refuseUnsound.ts";

/** Tokens of the smallest block that an engine's cache keeps: of what is shorter none need be found again, and so few may agree by chance. */
export const cacheBlock = 16;

/** Of a prompt: as much of a cold one may an engine have found in its cache before `coldCached` makes the run DEGRADED. */
const unnoticed = 0.05;

/**
 * Throws where an author says other lengths of sound requests than they have. With `reuse`, nobody but these requests fills the caches, and what they say to
 * have in common with those before them is looked at too.
 */
export function refuseFalseLengths(kind: string, requests: readonly Request[], { reuse }: { readonly reuse: boolean }): void {
  checkTogether(
    () => refuseBy(lengthRule(), kind, requests),
    () => (reuse ? refuseBy(reuseRule(requests), kind, requests) : undefined),
  );
}

/** To the token, also of text of an author's own: nothing else is judged by a count of engines then, so that a false one would never show. */
function lengthRule(): RequestRule {
  return (request) => {
    const { contextTokens, questionTokens } = request;
    const [said, has] = [contextTokens + questionTokens, partsOf(request).reduce((sum, part) => sum + knownIds(part).length, 0)];
    const together = "contextTokens and questionTokens together must be";
    if (!hasOwnReply(request)) {
      return said === has ? undefined : `${together} ${has}, the tokens of its parts in the built-in vocabulary, not ${said}`;
    }
    return said >= has ? undefined : `${together} at least ${has}, the tokens of its parts other than replies, not ${said}`;
  };
}

function reuseRule(requests: readonly Request[]): RequestRule {
  const certain = certainlyShared(requests);
  const isNoted = (request: Request, tokens: number) => tokens > Math.max(cacheBlock - 1, unnoticed * promptTokens(request));
  const isTooMuch = (request: Request, shared: number) => isNoted(request, request.reusableTokens - shared) && !hasOwnReply(request);
  const most = requests.some((request, place) => isTooMuch(request, certain[place] ?? 0)) ? possiblyShared(requests) : certain;
  return (request, place) => {
    const { reusableTokens, contextTokens } = request;
    // What is warm already is not warmer for having its question in common too.
    const least = Math.min(certain[place] ?? 0, contextTokens);
    if (isNoted(request, least - reusableTokens)) return wrongReuse("at least", least, reusableTokens);
    const shared = Math.max(most[place] ?? 0, least);
    return isTooMuch(request, shared) ? wrongReuse("at most", shared, reusableTokens) : undefined;
  };
}

function wrongReuse(bound: string, shared: number, said: number): string {
  return `reusableTokens must be ${bound} ${shared}, the tokens of its longest beginning that an earlier request has, not ${said}`;
}

/**
 * By request, how much of its beginning those have that are sent before it whatever engines answer: an earlier time of their own, or the chain of
 * ends that it waits for. Messages of other roles are no beginning of it, since a chat template marks them.
 */
function certainlyShared(requests: readonly Request[]): readonly number[] {
  const earliest = earliestOf(requests);
  const prompts = requests.map(marked());
  const sent = new Beginnings();
  const chains = new Map<number, Beginnings>();
  const shared: number[] = [];
  for (const place of inTime(earliest)) {
    const prompt = prompts[place] ?? [];
    const before = waitsFor(requests[place]);
    if (before === undefined) {
      shared[place] = sent.add(prompt);
      continue;
    }
    const chain = chains.get(before) ?? chainFrom(prompts[before] ?? []);
    chains.delete(before);
    chains.set(place, chain);
    shared[place] = Math.max(sent.sharedWith(prompt), chain.add(prompt));
  }
  return shared;
}

function chainFrom(prompt: Pieces): Beginnings {
  const chain = new Beginnings();
  chain.add(prompt);
  return chain;
}

/** At most: with any message's role, and where it depends on the answers which request is the earlier one, with any other request. */
function possiblyShared(requests: readonly Request[]): readonly number[] {
  const prompts = requests.map((request) => partsOf(request).map(knownIds));
  const order = inTime(earliestOf(requests));
  const forwards = sharedInOrder(order, prompts);
  if (requests.every((request) => waitsFor(request) === undefined)) return forwards;
  const backwards = sharedInOrder(order.toReversed(), prompts);
  return forwards.map((shared, place) => Math.max(shared, backwards[place] ?? 0));
}

function sharedInOrder(order: readonly number[], prompts: readonly Pieces[]): readonly number[] {
  const sent = new Beginnings();
  const shared = prompts.map(() => 0);
  for (const place of order) shared[place] = sent.add(prompts[place] ?? []);
  return shared;
}

/** The request whose end it waits for, or one whose reply it contains. */
function waitsFor(request: Request | undefined): number | undefined {
  if (request?.arrival.kind === "after") return request.arrival.request;
  return request === undefined ? undefined : partsOf(request).findLast(isOwnReply)?.request;
}

/** When each may be sent at the earliest. Of what waits for one that stands behind it nothing is known. */
function earliestOf(requests: readonly Request[]): readonly number[] {
  const earliest: number[] = [];
  for (const { arrival } of requests) {
    earliest.push(arrival.kind === "at" ? arrival.offset : (earliest[arrival.request] ?? 0) + arrival.pause);
  }
  return earliest;
}

/** What falls due at once is sent in its order. */
function inTime(times: readonly number[]): readonly number[] {
  return times.map((_, place) => place).sort((one, other) => (times[one] ?? 0) - (times[other] ?? 0));
}

/** Prompts with the role of each message before it, and a mark in the place of each reply that is not known yet. */
function marked(): (request: Request) => Pieces {
  const roles = { system: [-1], user: [-2], assistant: [-3] };
  const replies = new Map<number, readonly number[]>();
  const replyOf = (request: number) => {
    const mark = replies.get(request) ?? [-4 - request];
    replies.set(request, mark);
    return mark;
  };
  const piece = (part: Passage | ReplyOf) => (isOwnReply(part) ? replyOf(part.request) : knownIds(part));
  return ({ messages }) => messages.flatMap(({ role, parts }) => [roles[role], ...parts.map(piece)]);
}

function promptTokens({ contextTokens, questionTokens }: Request): number {
  return contextTokens + questionTokens;
}

function hasOwnReply(request: Request): boolean {
  return partsOf(request).some(isOwnReply);
}

function isOwnReply(part: Passage | ReplyOf): part is ReplyOf {
  return part.kind === "reply" && part.source === "own";
}

const noIds: readonly number[] = [];

function knownIds(part: Passage | ReplyOf): readonly number[] {
  return (part.kind === "passage" ? part : part.scripted)?.tokenIds ?? noIds;
}
