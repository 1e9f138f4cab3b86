import type { Seconds } from "./time.ts";

/** A stretch of prompt whose tokens in the built-in vocabulary are known. Shared by reference between the requests that contain it. */
export interface Passage {
  readonly kind: "passage";
  readonly text: string;
  readonly tokenIds: readonly number[];
}

/** The place of an earlier request's reply within a later prompt. */
export interface ReplyOf {
  readonly kind: "reply";
  readonly request: number;
  /** `own`: the engine's own reply, as its users would have it. `scripted`: the same text for every engine, the only kind comparisons pair. */
  readonly source: "own" | "scripted";
  readonly scripted?: Passage;
}

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly parts: readonly (Passage | ReplyOf)[];
}

/** When a request is due: an offset from the start of its experiment, or a pause after an earlier request of the same engine has ended. */
export type Arrival =
  | { readonly kind: "at"; readonly offset: Seconds }
  | { readonly kind: "after"; readonly request: number; readonly pause: Seconds };

/** One prompt for one engine. */
export interface Request {
  /** Position in its workload, from 0; the same request has the same id on every engine, and comparisons pair by it. */
  readonly id: number;
  readonly arrival: Arrival;
  readonly messages: readonly Message[];
  /** Counted in the built-in vocabulary. */
  readonly contextTokens: number;
  readonly questionTokens: number;
  /** Length of the longest prefix that an earlier request already had, of this block or one before it: what a perfect prefix cache could reuse. */
  readonly reusableTokens: number;
  readonly maxOutputTokens: number;
}

/** `cold`: nothing to reuse. `warm`: the whole context. `partial`: some of it. */
export type CacheState = "cold" | "partial" | "warm";

export function cacheState(request: Pick<Request, "reusableTokens" | "contextTokens">): CacheState {
  if (request.reusableTokens === 0) return "cold";
  return request.reusableTokens >= request.contextTokens ? "warm" : "partial";
}

/** Every request's passages in the order in which the engine reads them, replies included. */
export function partsOf({ messages }: Request): readonly (Passage | ReplyOf)[] {
  const [only] = messages;
  return only !== undefined && messages.length === 1 ? only.parts : messages.flatMap(({ parts }) => parts);
}
