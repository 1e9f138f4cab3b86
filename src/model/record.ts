import type { TokenSource } from "./exchange.ts";
import type { Outcome } from "./outcome.ts";
import type { CacheState } from "./request.ts";
import type { Nanoseconds } from "./time.ts";

/** Pieces of many streams, column by column. */
export interface ChunkColumns {
  readonly at: Float64Array;
  /** As in `stampCodes`: there may be tens of millions. */
  readonly kind: Uint8Array;
  readonly tokens: Int32Array;
}

/** The pieces of one stream: those from `from` up to `to`. What else lies in the columns is of other streams. */
export interface Chunks {
  readonly columns: ChunkColumns;
  readonly from: number;
  readonly to: number;
}

/** What happened to one request. Stamps are nanoseconds since the start of its experiment. Nothing derived. */
export interface RequestRecord {
  readonly experiment: number;
  readonly block: number;
  readonly engine: string;
  readonly request: number;
  /** The request of the same engine that had to end before; missing where it had a time of its own. */
  readonly after?: number;
  readonly due: Nanoseconds;
  /** Just before the answered attempt's bytes were written; missing when nothing was sent. */
  readonly sent?: Nanoseconds;
  readonly attempts: number;
  /** The first attempt, where there was a second: what the engine's closed connection cost lies between them. */
  readonly firstSent?: Nanoseconds;
  readonly reused?: boolean;
  /** When the connection was open that the answered attempt had to open; missing where one was open before. */
  readonly opened?: Nanoseconds;
  readonly headers?: Nanoseconds;
  readonly chunks: Chunks;
  /** Missing when the run was cut off while the stream was open. */
  readonly ended?: Nanoseconds;
  readonly outcome: Outcome;
  readonly status?: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
  readonly outputTokensSource?: TokenSource;
  /** What usage told instead, and no such reply can have had. */
  readonly impossibleTokens?: number;
  /** Cached tokens that usage told, and more than the prompt has. */
  readonly impossibleCachedTokens?: number;
  /** What the engine's tokenizer makes of the whole reply, where it was asked: also where usage tells the output tokens. */
  readonly countedTokens?: number;
  readonly text?: string;
  readonly contextTokens: number;
  readonly questionTokens: number;
  readonly reusableTokens: number;
  /** What was asked for at most; missing in CSVs of lmcache-tests. */
  readonly maxOutputTokens?: number;
  readonly cache: CacheState;
}

/** One reading of a probe. */
export interface Reading {
  readonly at: Nanoseconds;
  /** "gpu-memory", "event-loop-delay", …: with its unit in the name. */
  readonly series: string;
  /** What it was read of: "gpu-0", an engine's name, "harness", and of its load threads "harness/3". */
  readonly of: string;
  readonly value: number;
}

/** A source read on a clock. */
export interface Probe {
  readonly name: string;
  /** Resolves once the first reading is in, or to false where there is nothing to read (no GPU: no values, never zeros). */
  start(read: (reading: Reading) => void): Promise<boolean>;
  stop(): Promise<void>;
}
