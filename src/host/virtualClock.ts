import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { WakeUps } from "./wakeUps.ts";

/** A clock that jumps from one wake-up to the next: hours pass in no time, and always in the same order. Starts at 0. */
export function virtualClock(): Clock {
  return new VirtualClock();
}

/** Wake-ups between two looks at the real world, so that Ctrl-C gets through and a repeating wake-up cannot run for ever. */
const wakeUpsPerTurn = 65_536;

class VirtualClock implements Clock {
  private readonly wakeUps: WakeUps;
  private time: Nanoseconds;
  private somethingScheduled: () => void;

  constructor() {
    this.wakeUps = new WakeUps();
    this.time = 0;
    this.somethingScheduled = () => {};
  }

  now(): Nanoseconds {
    return this.time;
  }

  at(time: Nanoseconds, act: () => void): () => void {
    const cancel = this.wakeUps.add(Math.max(time, this.time), act);
    this.somethingScheduled();
    return cancel;
  }

  async runUntil(done: Promise<void>): Promise<void> {
    const end = watched(done);
    while (!end.reached) {
      this.drain();
      // Only now, with nothing left to call, do promises get their turn.
      await nextTurn();
      if (this.wakeUps.next() === undefined && !end.reached) await Promise.race([done, this.scheduled()]);
    }
    await done;
  }

  private drain(): void {
    for (let called = 0; called < wakeUpsPerTurn; called++) {
      const next = this.wakeUps.next();
      if (next === undefined) return;
      this.time = next;
      this.wakeUps.take()?.();
    }
  }

  private async scheduled(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.somethingScheduled = resolve;
    });
  }
}

function watched(done: Promise<void>): { readonly reached: boolean } {
  const end = { reached: false };
  const reach = () => {
    end.reached = true;
  };
  done.then(reach, reach);
  return end;
}
