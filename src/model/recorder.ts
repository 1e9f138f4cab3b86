import type { ChunkKind, Ending } from "./exchange.ts";
import type { Reading } from "./record.ts";
import type { Nanoseconds } from "./time.ts";

/** Kinds of stamps, with the codes they have in the journal. Codes are for ever: add, never renumber. */
export const stampCodes = {
  sent: 1,
  headers: 2,
  opened: 3,
  text: 10,
  reasoning: 11,
  tool: 12,
  role: 13,
  usage: 14,
  empty: 15,
  error: 16,
  done: 17,
} as const satisfies Record<ChunkKind | "sent" | "headers" | "opened", number>;

export type StampKind = keyof typeof stampCodes;

/** Where the driver puts what happens, as it happens; stamps on the run's clock. The journal is one; an array in a test is another. */
export interface Recorder {
  /** A request has fallen due. Returns its exchange number. `start` is what `due` was counted from. */
  due(of: { experiment: number; block: number; engine: string; request: number; start: Nanoseconds; due: Nanoseconds }): number;
  /** `tokens`: of a chunk, its tokens; of `sent`, 1 when the connection was reused, else 0; of `headers`, the status. */
  stamp(exchange: number, kind: StampKind, at: Nanoseconds, tokens: number): void;
  /** So many stamps of text at the same moment, each of one token. */
  texts(exchange: number, at: Nanoseconds, events: number): void;
  ended(exchange: number, at: Nanoseconds, ending: Ending): void;
  reading(experiment: number, reading: Reading): void;
}
