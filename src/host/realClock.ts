import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { WakeUps } from "./wakeUps.ts";

/** The moment that is 0 on a clock, as process.hrtime() gives it: the same scale in every process and thread of a machine. */
export type Origin = readonly [seconds: number, nanoseconds: number];

export interface RealClock extends Clock {
  /** To be handed to workers and child processes, whose clocks then agree with this one. Plain JSON. */
  readonly origin: Origin;
}

/** This machine's monotonic clock, in nanoseconds since `origin`. */
export function realClock(origin: Origin = process.hrtime()): RealClock {
  return new MonotonicClock(origin);
}

/** A timer may be this late; from then on we look at the clock once per turn of the event loop, reading sockets meanwhile. */
const timerSlack: Nanoseconds = 600_000;
/** Calls in one turn of the event loop: when a thousand fall due at once, replies to the first are read before the last is made. */
const longestTurn: Nanoseconds = 200_000;
/** setTimeout takes 32 bits of milliseconds. */
const longestTimer = 2_000_000_000;

class MonotonicClock implements RealClock {
  readonly origin: Origin;
  private readonly seconds: number;
  private readonly nanoseconds: number;
  private readonly wakeUps: WakeUps;
  private timer: NodeJS.Timeout | undefined;
  private timerFor: Nanoseconds;
  private isSpinning: boolean;
  private readonly turn: () => void;

  constructor(origin: Origin) {
    this.origin = origin;
    [this.seconds, this.nanoseconds] = origin;
    this.wakeUps = new WakeUps();
    this.timer = undefined;
    this.timerFor = Infinity;
    this.isSpinning = false;
    this.turn = () => this.callDue();
  }

  now(): Nanoseconds {
    const time = process.hrtime();
    return (time[0] - this.seconds) * 1e9 + (time[1] - this.nanoseconds);
  }

  at(time: Nanoseconds, act: () => void): () => void {
    const cancel = this.wakeUps.add(time, act);
    if (!this.isSpinning && time < this.timerFor) this.wait(time);
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
    this.timerFor = Infinity;
  }

  private callDue(): void {
    this.isSpinning = true;
    const began = this.now();
    let now = began;
    let next = this.wakeUps.next();
    while (next !== undefined && next <= now && now - began < longestTurn) {
      this.wakeUps.take()?.();
      now = this.now();
      next = this.wakeUps.next();
    }
    this.isSpinning = false;
    this.timerFor = Infinity;
    if (next !== undefined) this.wait(next);
  }

  private wait(until: Nanoseconds): void {
    clearTimeout(this.timer);
    const left = until - this.now() - timerSlack;
    if (left < 1e6) {
      this.isSpinning = true;
      setImmediate(this.turn);
      return;
    }
    this.timerFor = until;
    this.timer = setTimeout(this.turn, Math.min(Math.floor(left / 1e6), longestTimer));
  }
}
