import type { Line } from "../model/exchange.ts";
import type { Deadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { GuardedRecorder } from "./guardedRecorder.ts";
import type { Turns } from "./phase.ts";
import { Player } from "./player.ts";
import { Tally } from "./tally.ts";

export interface DriveOptions {
  /** Its number, for records. */
  readonly experiment: number;
  readonly phases: readonly Turns[];
  /** By engine name. */
  readonly lines: Readonly<Record<string, Line>>;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly recorder: Recorder;
  /** Told of what becomes of the requests. */
  readonly tally?: Tally;
  /** Aborted: nothing more is sent, what is under way may end. */
  readonly signal: AbortSignal;
  /** Aborted: what is under way ends at once. */
  readonly kill?: AbortSignal;
  /** Keep every reply's text, not only of those that a later request contains. */
  readonly keepText: boolean;
  /** Where others play parts of the phases: when to start. Without it, shortly after being ready. */
  readonly agree?: Agree;
}

/** Who else plays a part of the same phases. Resolves with the moment when all start, once all are ready; rejects when some will never be. */
export type Agree = (phase: number) => Promise<Nanoseconds>;

/** From the end of the first preparations to the start of a phase: for the event loop to come to rest. */
const settling = toNanoseconds(0.02);

/** Plays the phases one after the other: everything is sent at its time, and whatever happens to it goes to the recorder. */
export async function drive(options: DriveOptions): Promise<void> {
  for (const [index, phase] of options.phases.entries()) {
    if (options.signal.aborted || options.kill?.aborted) return;
    await play(phase, index, options);
  }
}

async function play(phase: Turns, index: number, options: DriveOptions): Promise<void> {
  const { lines, clock, recorder, signal, kill, agree } = options;
  const done = Promise.withResolvers<void>();
  const fail = (error: unknown) => {
    done.reject(error);
    player.kill();
  };
  // One shape of object, whoever called: a rehearsal has then compiled the very code that will run.
  const { experiment, deadlines, keepText, tally = new Tally(experiment, () => {}) } = options;
  const guarded = { experiment, lines, clock, deadlines, recorder: new GuardedRecorder(recorder, fail), tally, keepText };
  const player = new Player(phase, guarded, done.resolve);
  await player.openConnections();
  const ends = new AbortController();
  onAbort(signal, ends.signal, () => player.stop());
  onAbort(kill, ends.signal, () => player.kill());
  const begin = (start: Nanoseconds) => player.begin(start);
  try {
    player.prepareFirst(() => {
      if (agree === undefined) begin(clock.now() + settling);
      else agree(index).then(begin, fail);
    });
    await clock.runUntil(done.promise);
  } finally {
    ends.abort();
  }
}

function onAbort(signal: AbortSignal | undefined, until: AbortSignal, act: () => void): void {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act, { signal: until });
}
