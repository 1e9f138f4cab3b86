import type { Line } from "../model/exchange.ts";
import type { Deadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Phase } from "./order.ts";
import { Player } from "./player.ts";

export interface DriveOptions {
  /** Its number, for records. */
  readonly experiment: number;
  readonly phases: readonly Phase[];
  /** By engine name. */
  readonly lines: Readonly<Record<string, Line>>;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly recorder: Recorder;
  readonly tell: (event: RunEvent) => void;
  /** Aborted: nothing more is sent, what is under way may end. */
  readonly signal: AbortSignal;
  /** Aborted: what is under way ends at once. */
  readonly kill?: AbortSignal;
  /** Keep every reply's text, not only of those that a later request contains. */
  readonly keepText: boolean;
}

/** Plays the phases one after the other: everything is sent at its time, and whatever happens to it goes to the recorder. */
export async function drive(options: DriveOptions): Promise<void> {
  for (const phase of options.phases) {
    if (options.signal.aborted || options.kill?.aborted) return;
    if (phase.length > 0) await play(phase, options);
  }
}

async function play(phase: Phase, options: DriveOptions): Promise<void> {
  const { lines, clock, recorder, signal, kill } = options;
  const done = Promise.withResolvers<void>();
  const fail = (error: unknown) => {
    done.reject(error);
    player.kill();
  };
  const player = new Player(phase, { ...options, recorder: answered(recorder, fail) }, done.resolve);
  const engines = Object.entries(player.startBurst());
  await Promise.all(engines.map(async ([engine, requests]) => lines[engine]?.open(requests)));
  const ends = new AbortController();
  onAbort(signal, ends.signal, () => player.stop());
  onAbort(kill, ends.signal, () => player.kill());
  try {
    player.begin();
    await clock.runUntil(done.promise);
  } finally {
    ends.abort();
  }
}

function onAbort(signal: AbortSignal | undefined, until: AbortSignal, act: () => void): void {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act, { signal: until });
}

/** The same recorder, whose errors (a full disk) end the phase instead of a callback of a socket. */
function answered(recorder: Recorder, fail: (error: unknown) => void): Recorder {
  const guard = <Result>(act: () => Result, otherwise: Result): Result => {
    try {
      return act();
    } catch (error) {
      fail(error);
      return otherwise;
    }
  };
  return {
    due: (of) => guard(() => recorder.due(of), 0),
    stamp: (exchange, kind, at, tokens) => {
      try {
        recorder.stamp(exchange, kind, at, tokens);
      } catch (error) {
        fail(error);
      }
    },
    ended: (exchange, at, ending) => guard(() => recorder.ended(exchange, at, ending), undefined),
    reading: (experiment, reading) => guard(() => recorder.reading(experiment, reading), undefined),
  };
}
