import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { leave } from "./ending.ts";

/** What Ctrl-C means to a run. SIGTERM and SIGHUP act as SIGINT; after SIGTERM there is less time. */
export interface Interruption extends Disposable {
  /** Aborted by the first signal: stop sending, drain, dispose, report. */
  readonly stop: AbortSignal;
  /** What is under way ends now. Aborted some time after SIGTERM, by a SIGTERM that follows, and by any other second signal just before we leave: the watchdog then ends the engines. */
  readonly kill: AbortSignal;
}

export interface InterruptionOptions {
  /** Called by the second signal, last of all. */
  readonly leaving?: () => void;
}

/** Who sends SIGTERM, a CI runner or a pod's host, kills after 10 to 30 s: until then engines are to be ended, and reports written. */
const drainAfterTerm: Seconds = 5;

export function interruption(tell: (event: RunEvent) => void, { leaving = () => {} }: InterruptionOptions = {}): Interruption {
  const stop = new AbortController();
  const kill = new AbortController();
  let drained: NodeJS.Timeout | undefined;
  const onSignal = (signal: string) => {
    if (stop.signal.aborted && signal === "SIGTERM" && !kill.signal.aborted) {
      kill.abort(); // as CI runners do some seconds after their SIGINT: reports can still be made before they kill
      return;
    }
    if (stop.signal.aborted) {
      kill.abort();
      leaving();
      leave(130);
    }
    const within = signal === "SIGTERM" ? drainAfterTerm : undefined;
    tell({ kind: "interrupted", signal, ...(within === undefined ? {} : { within }) });
    stop.abort();
    if (within !== undefined) drained = setTimeout(() => kill.abort(), within * 1_000).unref();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stop: stop.signal,
    kill: kill.signal,
    [Symbol.dispose]: () => {
      clearTimeout(drained);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
