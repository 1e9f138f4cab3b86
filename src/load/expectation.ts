import type { Line } from "../model/exchange.ts";
import { largestOf } from "../model/extremes.ts";
import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { lookAhead } from "./preparation.ts";
import type { Step, Steps } from "./steps.ts";

/**
 * Has connections opened for scheduled requests shortly before they are due, and no sooner: a server may keep a thread for each connection that has
 * not sent a byte, and serve nobody else with it.
 */
export class Expectation {
  private readonly steps: Steps;
  private readonly clock: Clock;
  /** By engine name. */
  private readonly lines: Readonly<Record<string, Line>>;
  private next = 0;
  private start: Nanoseconds = 0;
  private cancel: () => void = () => {};

  constructor(steps: Steps, clock: Clock, lines: Readonly<Record<string, Line>>) {
    this.steps = steps;
    this.clock = clock;
    this.lines = lines;
  }

  /**
   * How long before a request is due its connection is begun: the same for all engines, so that requests are expected in their order. Of an engine
   * whose turn has not come nothing is known yet, and the others do not wait for it.
   */
  get lead(): Nanoseconds {
    const known = Object.values(this.lines).flatMap(({ opensWithin = 0 }) => (opensWithin === Infinity ? [] : opensWithin));
    return known.length === 0 ? lookAhead : Math.min(lookAhead, largestOf(known));
  }

  /** Opens connections for what is due before they could be opened once the start has come. */
  async openFirst(): Promise<void> {
    const soon = [...this.dueWithin(lookAhead).keys()];
    await Promise.all(soon.map(async (engine) => this.lines[engine]?.open(1))); // it is then known how long that takes
    await Promise.all([...this.dueWithin(this.lead)].map(async ([engine, requests]) => this.lines[engine]?.open(requests)));
  }

  /** The start is known. */
  follow(start: Nanoseconds): void {
    this.start = start;
    this.wait();
  }

  /** The step is about to be sent, or dropped: it is expected by now. */
  reach(step: Step): void {
    if (this.steps.scheduledAt(this.next) !== step) return;
    this.next++;
    this.expect(step);
  }

  /** One that is not of the schedule. */
  expect({ turn: { engine } }: Step): void {
    this.lines[engine]?.expect?.();
  }

  stop(): void {
    this.cancel();
  }

  /** From the start, by engine. */
  private dueWithin(time: Nanoseconds): ReadonlyMap<string, number> {
    const due = new Map<string, number>();
    for (const { turn, offset = 0 } of this.steps.scheduledFrom(0)) {
      if (offset > time) break;
      due.set(turn.engine, (due.get(turn.engine) ?? 0) + 1);
    }
    return due;
  }

  private wait(): void {
    const step = this.steps.scheduledAt(this.next);
    if (step === undefined) return;
    const { offset = 0 } = step;
    this.cancel = this.clock.at(this.start + offset - this.lead, () => {
      this.reach(step);
      this.wait();
    });
  }
}
