import type { Nanoseconds } from "./time.ts";

/** A monotonic clock that also wakes people. Real or virtual: who uses it cannot tell. */
export interface Clock {
  now(): Nanoseconds;
  /** Calls `act` at `time`, never before; at once (but not synchronously) when that is past. Returns what cancels it. */
  at(time: Nanoseconds, act: () => void): () => void;
  /** Runs until nothing is scheduled on a virtual clock, or until `done` resolves on a real one. */
  runUntil(done: Promise<void>): Promise<void>;
}

export interface Terminal {
  /** Results: stdout. */
  print(text: string): void;
  /** Everything else: stderr. */
  tell(text: string): void;
  readonly interactive: boolean;
  readonly columns: number;
  /** Where prose on stdout goes on in the next line; missing where that is no terminal, and a line stays whole. */
  readonly wrapsAt?: number;
  readonly colour: boolean;
}
