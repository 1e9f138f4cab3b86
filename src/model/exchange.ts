import type { Outcome } from "./outcome.ts";
import type { Request } from "./request.ts";
import type { Nanoseconds } from "./time.ts";

/** What a piece of a stream carries. */
export type ChunkKind = "text" | "reasoning" | "tool" | "role" | "usage" | "empty" | "error" | "done";

/** Whether it carries tokens: the first that does ends TTFT. */
export function isGenerated(kind: ChunkKind): boolean {
  return kind === "text" || kind === "reasoning" || kind === "tool";
}

/** Who says when bytes were received: the kernel, or whoever reads them, when he does. */
export type StampSource = "kernel" | "read";

/** Where a count of output tokens came from: the server's usage, the engine's tokenizer on the whole text, or one per event. */
export type TokenSource = "usage" | "tokenizer" | "events";

/** How an exchange ended: everything known about it that is not a stamp. */
export interface Ending {
  readonly outcome: Outcome;
  readonly status?: number | undefined;
  readonly promptTokens?: number | undefined;
  readonly cachedTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly outputTokensSource?: TokenSource | undefined;
  /** Output tokens that usage told, where no such reply can have had them: they were counted otherwise. */
  readonly impossibleTokens?: number | undefined;
  /** Cached tokens that usage told, more than its prompt has: they are taken for untold. */
  readonly impossibleCachedTokens?: number | undefined;
  /** Kept only when asked for: replies that a later request contains, or answers to be compared. */
  readonly text?: string | undefined;
  /** Likewise what was generated beside it: reasoning, and names and arguments of tool calls. */
  readonly aside?: string | undefined;
}

/** What an exchange tells while it happens. Called synchronously and in order, with stamps of the clock that drives it. */
export interface ExchangeListener {
  /** Just before the bytes are handed to the socket. A second call is the second attempt, on a fresh connection. */
  sent(at: Nanoseconds, reused: boolean): void;
  /** The connection that it had to open is open, and its bytes are on their way. Not where one was open before. */
  opened(at: Nanoseconds): void;
  headers(at: Nanoseconds, status: number): void;
  /** `tokens` is 1 unless the server says otherwise, and 0 for kinds that carry none. Events of one read share `at`. */
  chunk(at: Nanoseconds, kind: ChunkKind, tokens: number): void;
  /** So many events of text one after the other, all of one read, each of one token: as many calls of `chunk`, at the price of one. */
  texts(at: Nanoseconds, events: number): void;
  /** Exactly once, last. */
  ended(at: Nanoseconds, ending: Ending): void;
}

/** One request on its way to a running engine: bytes out, stamped chunks in. */
export interface Exchange {
  /** Ends it now; `ended` follows with this outcome. Nothing happens when it has ended already. */
  abort(outcome: Outcome): void;
}

/** A request ready to go: serialised before it is due. What it is, its line knows. */
export type Prepared = object;

/** The text of replies that have ended, by request id, for prompts that contain them. */
export type Replies = (request: number) => string | undefined;

/** The way to one running engine. HTTP is one kind; the simulated engine in virtual time is another. */
export interface Line {
  /** Opens connections before the clock starts, so that opening them is not part of the first requests. */
  open(connections: number): Promise<void>;
  /** Called before the request is due, once the replies it contains have ended. `keepText` asks for `Ending.text`. */
  prepare(request: Request, replies: Replies, keepText: boolean): Prepared;
  /** So long before a request is due, `expect` is to be called. */
  readonly opensWithin?: Nanoseconds;
  /** A request will be sent, or discarded, in a moment: it shall find a connection that is open. Called once for each, before that. */
  expect?(): void;
  send(prepared: Prepared, listener: ExchangeListener): Exchange;
  /** Instead of `send`: it will not be sent. */
  discard?(prepared: Prepared): void;
  close(): void;
}
