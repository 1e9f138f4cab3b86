import { performance } from "node:perf_hooks"; // the global one is looked up at each call

import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { alarm, latestRing, type Alarm } from "./alarm.ts";
import { WakeUps } from "./wakeUps.ts";

/** The moment that is 0 on a clock, as process.hrtime() gives it: the same scale in every process and thread of a machine. */
export type Origin = readonly [seconds: number, nanoseconds: number];

export interface RealClock extends Clock {
  /** To be handed to workers and child processes, whose clocks then agree with this one. Plain JSON. */
  readonly origin: Origin;
}

/** This machine's monotonic clock, in nanoseconds since `origin`. Its calls come up to two milliseconds late. */
export function realClock(origin: Origin = process.hrtime()): RealClock {
  return new MonotonicClock(origin);
}

/** The same, most of whose calls come within a tenth of a millisecond, where the machine is not busy: for whoever sends. Costs a sleeping thread where the kernel's alarm cannot be had. */
export function punctualClock(origin: Origin = process.hrtime()): RealClock {
  const clock = new MonotonicClock(origin);
  clock.useAlarm();
  return clock;
}

/**
 * No time is a whole number: V8 compiles for small ones where it has seen no others, and throws that code away when the clock passes 2^31 ns, 2.1 s after its
 * origin: amid a load.
 */
export const neverWhole: Nanoseconds = 0.5;
/** For less it is not worth going to sleep. */
const shortestSleep: Nanoseconds = 30_000;
/** Calls in one turn of the event loop: when a thousand fall due at once, replies to the first are read before the last is made. */
const longestTurn: Nanoseconds = 200_000;
/** setTimeout takes 32 bits of milliseconds. */
const longestTimer = 2_000_000_000;

class MonotonicClock implements RealClock {
  readonly origin: Origin;
  /** What `performance.now()` says at the origin, in nanoseconds. */
  private readonly zero: Nanoseconds;
  private readonly wakeUps: WakeUps;
  private alarm: Alarm | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** What timer and alarm are set to. */
  private waitsFor: Nanoseconds;
  private isLooking: boolean;
  private readonly look: () => void;

  constructor(origin: Origin) {
    this.origin = origin;
    this.zero = Math.floor(nanosecondsOf(origin) - performanceZero()) + neverWhole;
    this.wakeUps = new WakeUps();
    this.alarm = undefined;
    this.timer = undefined;
    this.waitsFor = Infinity;
    this.isLooking = false;
    this.look = () => this.callDue();
  }

  useAlarm(): void {
    this.alarm = alarm(() => {
      if (!this.isLooking) this.callDue();
    });
  }

  now(): Nanoseconds {
    // As exact as process.hrtime(), which makes an array each time: of a million a second, collecting them stopped us every 60 ms.
    return performance.now() * 1e6 - this.zero;
  }

  at(time: Nanoseconds, act: () => void): () => void {
    const cancel = this.wakeUps.add(time, act);
    if (!this.isLooking && time < this.waitsFor) this.wait(time, this.now());
    return () => {
      cancel();
      if (this.wakeUps.next() === undefined) this.rest();
    };
  }

  async runUntil(done: Promise<void>): Promise<void> {
    await done;
  }

  /** A timer for nobody would keep the process alive. */
  private rest(): void {
    clearTimeout(this.timer);
    this.waitsFor = Infinity;
  }

  private callDue(): void {
    this.isLooking = true;
    const began = this.now();
    let now = began;
    let next = this.wakeUps.next();
    while (next !== undefined && next <= now && now - began < longestTurn) {
      this.wakeUps.take()?.();
      now = this.now();
      next = this.wakeUps.next();
    }
    this.isLooking = false;
    this.waitsFor = Infinity;
    if (next !== undefined) this.wait(next, now);
  }

  private wait(until: Nanoseconds, now: Nanoseconds): void {
    clearTimeout(this.timer);
    const left = until - now;
    const slack = this.alarm?.lateness(left) ?? latestRing;
    // The rest of the way we look at the clock once per turn of the event loop, reading sockets meanwhile.
    if (left - slack < shortestSleep) {
      this.isLooking = true;
      setImmediate(this.look);
      return;
    }
    this.waitsFor = until;
    // Also with an alarm: it keeps the process alive, and would come, late, if the alarm's thread had died.
    this.timer = setTimeout(this.look, Math.min(Math.ceil(left / 1e6), longestTimer));
    this.alarm?.set(until - slack + nanosecondsOf(this.origin));
  }
}

/** The moment that is 0 on `performance.now()` of this thread, on the machine's monotonic clock: from the closest of a few looks at both. */
function performanceZero(): Nanoseconds {
  let [closest, zero] = [Infinity, 0];
  for (let look = 0; look < 20; look++) {
    const before = nanosecondsOf(process.hrtime());
    const now = performance.now() * 1e6;
    const after = nanosecondsOf(process.hrtime());
    if (after - before < closest) [closest, zero] = [after - before, (before + after) / 2 - now];
  }
  return zero;
}

function nanosecondsOf([seconds, nanoseconds]: Origin): Nanoseconds {
  return seconds * 1e9 + nanoseconds;
}
