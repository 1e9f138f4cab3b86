import type { RunEvent } from "../model/runEvent.ts";
import { leave } from "./ending.ts";

/** What Ctrl-C means to a run. SIGTERM and SIGHUP act as SIGINT. */
export interface Interruption extends Disposable {
  /** Aborted by the first signal: stop sending, drain, dispose, report. */
  readonly stop: AbortSignal;
  /** Aborted by the second, just before we leave: the watchdog then ends the engines. */
  readonly kill: AbortSignal;
}

export interface InterruptionOptions {
  /** Called by the second signal, last of all. */
  readonly leaving?: () => void;
}

export function interruption(tell: (event: RunEvent) => void, { leaving = () => {} }: InterruptionOptions = {}): Interruption {
  const stop = new AbortController();
  const kill = new AbortController();
  const onSignal = (signal: string) => {
    if (stop.signal.aborted) {
      kill.abort();
      leaving();
      leave(130);
    }
    tell({ kind: "interrupted", signal });
    stop.abort();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stop: stop.signal,
    kill: kill.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
