import type { Nanoseconds } from "../model/time.ts";

/** The most there were of something at once, within one to two periods. */
export class RecentPeak {
  private readonly period: Nanoseconds;
  private count = 0;
  private peak = 0;
  private earlierPeak = 0;
  private until: Nanoseconds = 0;

  constructor(period: Nanoseconds) {
    this.period = period;
  }

  change(change: number, now: Nanoseconds): void {
    this.turnPeriod(now);
    this.count += change;
    this.peak = Math.max(this.peak, this.count);
  }

  most(now: Nanoseconds): number {
    this.turnPeriod(now);
    return Math.max(this.peak, this.earlierPeak);
  }

  private turnPeriod(now: Nanoseconds): void {
    if (now < this.until) return;
    this.earlierPeak = this.peak;
    this.peak = this.count;
    this.until = now + this.period;
  }
}
