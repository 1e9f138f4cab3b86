import type { Arrival, Message, Passage, ReplyOf, Request } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";

/** A part of a message: the number of a passage, or a reply. */
type PartReference = number | { readonly reply: number; readonly source: ReplyOf["source"]; readonly scripted?: number };

export interface RequestWithReferences extends Omit<Request, "messages"> {
  readonly arrival: Arrival;
  readonly messages: readonly { readonly role: Message["role"]; readonly parts: readonly PartReference[] }[];
}

/** A workload in which every passage stands once, numbered in the order in which the requests first need it. */
export interface WorkloadWithReferences extends Omit<Workload, "requests"> {
  readonly passages: readonly Passage[];
  readonly requests: readonly RequestWithReferences[];
}

export function withReferences(workload: Workload): WorkloadWithReferences {
  const passages: Passage[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (passage: Passage): number => {
    const known = numbers.get(passage.text);
    if (known !== undefined && isSame(passage, passages[known])) return known;
    numbers.set(passage.text, passages.length);
    return passages.push(passage) - 1;
  };
  const requests = workload.requests.map((request) => requestWithReferences(request, numberOf));
  return { kind: workload.kind, options: sortedByName(workload.options), seed: workload.seed, passages, requests };
}

/** The same text can be cut into tokens in more than one way. */
function isSame(a: Passage, b: Passage | undefined): boolean {
  return a === b || (b !== undefined && isSameIds(a.tokenIds, b.tokenIds));
}

export function isSameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

export function withPassages({ passages, requests, ...workload }: WorkloadWithReferences): Workload {
  return { ...workload, requests: requests.map((request) => requestWithPassages(request, passages)) };
}

function requestWithReferences(request: Request, numberOf: (passage: Passage) => number): RequestWithReferences {
  const { id, arrival, contextTokens, questionTokens, reusableTokens, maxOutputTokens } = request;
  const messages = request.messages.map(({ role, parts }) => ({ role, parts: parts.map((part) => partReference(part, numberOf)) }));
  return { id, arrival: inOrder(arrival), contextTokens, questionTokens, reusableTokens, maxOutputTokens, messages };
}

function partReference(part: Passage | ReplyOf, numberOf: (passage: Passage) => number): PartReference {
  if (part.kind === "passage") return numberOf(part);
  const { request, source, scripted } = part;
  return scripted === undefined ? { reply: request, source } : { reply: request, source, scripted: numberOf(scripted) };
}

function requestWithPassages(request: RequestWithReferences, passages: readonly Passage[]): Request {
  const messages = request.messages.map(({ role, parts }) => ({ role, parts: parts.map((part) => partOf(part, passages)) }));
  return { ...request, messages };
}

function partOf(reference: PartReference, passages: readonly Passage[]): Passage | ReplyOf {
  if (typeof reference === "number") return passageAt(reference, passages);
  const { reply, source, scripted } = reference;
  const replyOf = { kind: "reply", request: reply, source } as const;
  return scripted === undefined ? replyOf : { ...replyOf, scripted: passageAt(scripted, passages) };
}

function passageAt(number: number, passages: readonly Passage[]): Passage {
  const passage = passages[number];
  if (passage === undefined) throw new RangeError(`passage ${number} of ${passages.length}`);
  return passage;
}

// Fields and names in one order, whoever made the object: the same workload is the same bytes and the same hash.
function inOrder(arrival: Arrival): Arrival {
  return arrival.kind === "at" ? { kind: "at", offset: arrival.offset } : { kind: "after", request: arrival.request, pause: arrival.pause };
}

function sortedByName(options: Workload["options"]): Workload["options"] {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.sort(([a], [b]) => (a < b ? -1 : 1)));
}
