import type { Order } from "./experiment.ts";
import type { EngineProof } from "./proof.ts";
import type { Seconds } from "./time.ts";

/** What happens in a run, as it happens: for progress on a terminal, the journal's events, later the live page. */
export type RunEvent =
  | { readonly kind: "testStarted"; readonly test: string; readonly engines: readonly string[]; readonly experiments: number }
  /** Our own error is being measured, at so many streams or requests per second, for about so long: before a test's engines boot, and after they have ended. */
  | ({ readonly kind: "calibrating"; readonly lasts: Seconds } & ({ readonly streams: number } | { readonly perSecond: number }))
  | { readonly kind: "booting"; readonly engine: string; readonly command: string; readonly log?: string }
  | {
      readonly kind: "ready";
      readonly engine: string;
      readonly after: Seconds;
      readonly url: string;
      readonly facts: Readonly<Record<string, string>>;
    }
  /** Its first requests, which are not measured, take longer than a moment; without an answer they are given up after `atMost`. */
  /** Of a server that was up already: it has not answered all that it is asked before it is measured. Told once, where that takes long. */
  | { readonly kind: "awaited"; readonly engine: string; readonly url: string; readonly atMost: Seconds }
  | { readonly kind: "warmingUp"; readonly engine: string; readonly atMost: Seconds }
  /** The same of prompts that are to show whether it is what was asked for. */
  | { readonly kind: "proving"; readonly engine: string }
  /** Its tokenizer is asked for the tokens of so many whole replies. */
  | { readonly kind: "counting"; readonly engine: string; readonly replies: number }
  | ({ readonly kind: "proof" } & EngineProof)
  | {
      readonly kind: "notUp";
      readonly engine: string;
      readonly message: string;
      /** What to do about it, where that is known and no log of it tells more. */
      readonly hint?: string;
    }
  /** An engine or a service has not been well for a while, while it was measured; an engine's `engines` is itself. */
  | {
      readonly kind: "unwell";
      readonly name: string;
      readonly engines: readonly string[];
      /** "/health answers 503" */
      readonly message: string;
      /** Until this is told. */
      readonly lasted: Seconds;
    }
  | { readonly kind: "wellAgain"; readonly name: string; readonly engines: readonly string[]; readonly lasted: Seconds }
  /** Somebody else listens on an engine's port, and may be sent what is measured. Told once in each experiment. */
  | { readonly kind: "portShared"; readonly engine: string; readonly message: string }
  | { readonly kind: "died"; readonly engine: string; readonly message: string }
  /** A server that was up already is not the process any more that it was when it was last looked at. */
  | { readonly kind: "restarted"; readonly engine: string; readonly message: string }
  | { readonly kind: "gone"; readonly engine: string; readonly after: Seconds }
  | { readonly kind: "serviceStarting"; readonly service: string; readonly command: string; readonly log: string }
  | { readonly kind: "serviceReady"; readonly service: string; readonly after: Seconds; readonly address: string }
  | { readonly kind: "serviceNotUp"; readonly service: string; readonly message: string }
  | {
      readonly kind: "serviceDied";
      readonly service: string;
      /** Engines that need it, whether they say so themselves or a service of theirs does. */
      readonly engines: readonly string[];
      readonly message: string;
    }
  | { readonly kind: "serviceGone"; readonly service: string; readonly after: Seconds }
  | {
      readonly kind: "experimentStarted";
      readonly experiment: number;
      readonly title: string;
      readonly order: Order;
      readonly engines: readonly string[];
      readonly requests: number;
      /** Until the last request is due; missing where that depends on the answers. */
      readonly lasts?: Seconds;
    }
  | {
      /** What came of an engine's requests since this was last told. */
      readonly kind: "requests";
      readonly experiment: number;
      readonly engine: string;
      readonly sent: number;
      /** For good or bad, those that were never sent included: they are the `dropped`. */
      readonly ended: number;
      readonly dropped: number;
      /** Of those that ended, all that were not completed. */
      readonly failed: number;
      /** The latest. */
      readonly ttft: Seconds | undefined;
    }
  | { readonly kind: "experimentEnded"; readonly experiment: number; readonly took: Seconds }
  /** The checks of one that ended were evaluated. */
  | { readonly kind: "judged"; readonly experiment: number }
  | { readonly kind: "warning"; readonly message: string }
  /** After the harness was gone before what it had started: told by whoever ended that, as are warnings about it. */
  | { readonly kind: "endedAfterUs"; readonly what: "processes" | "containers"; readonly count: number; readonly after: Seconds }
  | { readonly kind: "gpuMemoryBack"; readonly gpu: string; readonly after: Seconds }
  /** What is under way may go on for so long, where whoever sent the signal will not wait. */
  | { readonly kind: "interrupted"; readonly signal: string; readonly within?: Seconds }
  /** `exitCode` is of what stopped it, an engine that would not boot or died; missing where it came to its end or was interrupted. */
  | { readonly kind: "testEnded"; readonly test: string; readonly exitCode?: number };
