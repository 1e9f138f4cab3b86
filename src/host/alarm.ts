import { Worker } from "node:worker_threads";

import type { Nanoseconds } from "../model/time.ts";
import { kernelAlarm } from "./native.ts";

/** What an alarm and its thread share. */
export interface AlarmMemory {
  /** One number, counted up with every setting: the thread sleeps on it. */
  readonly calls: Int32Array<SharedArrayBuffer>;
  /** One number: when to ring, in nanoseconds of the machine's monotonic clock. */
  readonly times: Float64Array<SharedArrayBuffer>;
}

/** Sets when to ring, on the machine's monotonic clock. The last setting counts; it keeps no process alive. */
export interface Alarm {
  set(time: Nanoseconds): void;
  /** How late it rings after a sleep of so long, nearly always. */
  lateness(sleep: Nanoseconds): Nanoseconds;
}

/** How late an alarm rings, nearly always. */
export const latestRing: Nanoseconds = 300_000;

/** Calls `ring` once for each setting, unless another one came before: by the kernel where that can be had, else by a thread that sleeps. */
export function alarm(ring: () => void): Alarm {
  const set = kernelAlarm(ring);
  return set === undefined ? new SleepingThread(ring) : { set, lateness: latenessOfKernel };
}

/** Who has slept for less is awake sooner: after 0.1, 0.2 and 1 ms 0.04, 0.04 and 0.17 ms late at p99 (docs/decisions/waking.md). */
function latenessOfKernel(sleep: Nanoseconds): Nanoseconds {
  return Math.min(latestRing, 50_000 + 0.15 * sleep);
}

/**
 * Wakes the event loop at a time, to within about 0.2 ms; Node's timers are up to a millisecond late. A thread of its own sleeps until then.
 * The usual alternative, to spin until the time has come, costs a core, and worse: the kernel then makes whoever has used up its share of that
 * core wait, and the thread that reads the sockets was late by 1 to 4 ms at p99 for it (see docs/decisions/waking.md).
 */
export class SleepingThread implements Alarm {
  private readonly memory: AlarmMemory;
  private readonly thread: Worker;

  constructor(ring: () => void) {
    this.memory = {
      calls: new Int32Array(new SharedArrayBuffer(4)),
      times: new Float64Array(new SharedArrayBuffer(8)).fill(Infinity),
    };
    this.thread = new Worker(new URL("alarmThread.js", import.meta.url), { workerData: this.memory, stdin: false });
    this.thread.on("message", ring);
    this.thread.on("error", () => {}); // whoever set it has a timer as well
    this.thread.unref();
  }

  set(time: Nanoseconds): void {
    const { calls, times } = this.memory;
    times[0] = time;
    Atomics.add(calls, 0, 1);
    Atomics.notify(calls, 0);
  }

  lateness(): Nanoseconds {
    return latestRing;
  }
}
