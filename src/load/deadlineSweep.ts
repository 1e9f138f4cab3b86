import type { Clock } from "../model/host.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import type { Flight } from "./flight.ts";
import { Members } from "./members.ts";

/** Looked through no more often than this. */
const shortestPause = toNanoseconds(0.01);
/** From the look that finds a flight overdue to the one that ends it: what came in time but was not read yet is read between them. */
const secondLook = toNanoseconds(0.001);

/** The flights under way, ended when they miss a deadline. One wake-up for all of them, at the earliest moment one could: none is set or moved per token. */
export class DeadlineSweep {
  private readonly clock: Clock;
  private readonly flights = new Members<Flight>();
  private next: Nanoseconds = Infinity;
  private cancel: () => void = () => {};

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get size(): number {
    return this.flights.size;
  }

  list(): readonly Flight[] {
    return this.flights.list();
  }

  watch(flight: Flight, now: Nanoseconds): void {
    this.flights.add(flight);
    this.wakeAt(flight.mayExpire(now));
  }

  release(flight: Flight): void {
    this.flights.remove(flight);
    if (this.flights.size === 0) this.rest();
  }

  /** Called with other calls of the clock: where those are late, the wake-up comes only after them. */
  lookIfDue(now: Nanoseconds): void {
    if (now >= this.next) this.look(now);
  }

  private rest(): void {
    this.cancel();
    this.next = Infinity;
  }

  private wakeAt(time: Nanoseconds): void {
    if (time >= this.next) return;
    this.cancel();
    this.next = time;
    this.cancel = this.clock.at(time, () => this.look(this.clock.now()));
  }

  private look(now: Nanoseconds): void {
    this.rest();
    let [earliest, pause] = [Infinity, shortestPause];
    for (const flight of this.flights.list()) {
      const isOverdue = flight.expires <= now;
      if (isOverdue && flight.wasOverdue) flight.giveUp(now);
      else if (isOverdue) [earliest, pause] = [now, secondLook];
      else earliest = Math.min(earliest, flight.mayExpire(now));
      flight.wasOverdue = isOverdue;
    }
    if (earliest < Infinity) this.wakeAt(Math.max(earliest, now + pause));
  }
}
