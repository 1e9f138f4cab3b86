import type { Deadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import type { Flight } from "./flight.ts";
import { Members } from "./members.ts";

/** Looked through no more often than this. */
const shortestPause: Nanoseconds = 10_000_000;

/** The flights under way, ended when they miss a deadline. One wake-up for all of them, at the earliest moment one could: none is set or moved per token. */
export class DeadlineSweep {
  private readonly clock: Clock;
  private readonly deadlines: Deadlines;
  private readonly flights: Members<Flight>;
  private next: Nanoseconds;
  private cancel: () => void;

  constructor(clock: Clock, deadlines: Deadlines) {
    this.clock = clock;
    this.deadlines = deadlines;
    this.flights = new Members();
    this.next = Infinity;
    this.cancel = () => {};
  }

  get size(): number {
    return this.flights.size;
  }

  list(): readonly Flight[] {
    return this.flights.list();
  }

  watch(flight: Flight): void {
    this.flights.add(flight);
    this.wakeAt(flight.expires(this.deadlines));
  }

  release(flight: Flight): void {
    this.flights.remove(flight);
    if (this.flights.size === 0) this.rest();
  }

  private rest(): void {
    this.cancel();
    this.next = Infinity;
  }

  private wakeAt(time: Nanoseconds): void {
    if (time >= this.next) return;
    this.cancel();
    this.next = time;
    this.cancel = this.clock.at(time, () => this.sweep());
  }

  private sweep(): void {
    this.next = Infinity;
    const now = this.clock.now();
    let earliest = Infinity;
    for (const flight of this.flights.list()) {
      const expires = flight.expires(this.deadlines);
      if (expires <= now) flight.exchange?.abort(flight.expired(now, this.deadlines));
      else earliest = Math.min(earliest, expires);
    }
    if (earliest < Infinity) this.wakeAt(Math.max(earliest, now + shortestPause));
  }
}
