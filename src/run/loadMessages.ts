import type { HttpLineOptions } from "../load/httpLine.ts";
import type { Phase } from "../load/phase.ts";
import type { PackedPhases } from "../load/packedPhases.ts";
import type { Stamped } from "../measure/rulerError.ts";
import type { StampSource } from "../model/exchange.ts";
import type { Deadlines } from "../model/experiment.ts";
import type { HarnessErrorCode } from "../model/harnessError.ts";
import type { Reading } from "../model/record.ts";
import type { Nanoseconds } from "../model/time.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Origin } from "../host/realClock.ts";

/** What a load thread must know to reach an engine. */
export type Way = Omit<HttpLineOptions, "clock" | "stamps" | "connectWithin" | "budget">;

/** Phases to be played by load threads, each thread its part of every one. */
export interface LoadOrder {
  readonly experiment: number;
  readonly phases: readonly Phase[];
  /** By engine name. */
  readonly ways: Readonly<Record<string, Way>>;
  readonly deadlines: Deadlines;
  /** To the test's journal, or kept and handed back. */
  readonly record: "journal" | "memory";
}

/** As it crosses to a thread. */
export type PackedOrder = Omit<LoadOrder, "phases"> & { readonly phases: PackedPhases };

export interface LoadThreadData {
  readonly origin: Origin;
  /** From 1: the number in its journal's files. */
  readonly worker: number;
  /** That it may have open at the same time. */
  readonly connections: number;
  /** Orders that are kept in memory will come: their recorder is rehearsed as well. */
  readonly calibrates: boolean;
  /** The kernel may stop it when it is a real-time thread: see areStopped. */
  readonly mayBeStopped: boolean;
  /** "kernel": where it can be had. */
  readonly stamps: StampSource;
}

/** What load threads are told. `order` is the number of a LoadOrder. */
export type ToLoadThread =
  | { readonly kind: "play"; readonly order: number; readonly what: PackedOrder }
  | { readonly kind: "start"; readonly order: number; readonly phase: number; readonly at: Nanoseconds }
  | { readonly kind: "stop" | "kill"; readonly order: number }
  | { readonly kind: "keepOn"; readonly cores: readonly number[] }
  | { readonly kind: "openJournal"; readonly directory: string }
  | { readonly kind: "closeJournal" }
  | { readonly kind: "closeLines" };

/** What they tell. */
export type FromLoadThread =
  | { readonly kind: "rehearsed"; readonly stamps: StampSource }
  | { readonly kind: "ready"; readonly order: number; readonly phase: number }
  | { readonly kind: "event"; readonly order: number; readonly event: RunEvent }
  | { readonly kind: "reading"; readonly order: number; readonly reading: Reading }
  | { readonly kind: "ended"; readonly order: number; readonly stamped: readonly Stamped[]; readonly error?: LoadError }
  | { readonly kind: "journalFailed"; readonly error: LoadError }
  | { readonly kind: "journalClosed"; readonly error?: LoadError };

/** An error on its way from thread to thread: of a HarnessError, what its reader needs. */
export interface LoadError {
  readonly code: HarnessErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}
