import type { Line } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { lookAhead } from "./preparation.ts";
import type { Step } from "./steps.ts";

/** Where more requests fall due within the first look-ahead, their connections are opened before the start: opened amid the load they would delay what is due. */
const few = 32;

/**
 * Has connections opened for scheduled requests shortly before they are due, and no sooner: a server may keep a thread for each connection that has
 * not sent a byte, and serve nobody else with it.
 */
export class Expectation {
  private readonly steps: readonly Step[];
  private readonly clock: Clock;
  /** By engine name. */
  private readonly lines: Readonly<Record<string, Line>>;
  /** Nothing is to be opened for anybody. */
  private readonly isIdle: boolean;
  private next = 0;
  private start: Nanoseconds = 0;
  private cancel: () => void = () => {};

  /** `steps`: by due time, earliest first. */
  constructor(steps: readonly Step[], clock: Clock, lines: Readonly<Record<string, Line>>) {
    this.steps = steps;
    this.clock = clock;
    this.lines = lines;
    this.isIdle = Object.values(lines).every((line) => line.expect === undefined);
  }

  /** How long before a request is due its connection is begun: the same for all engines, so that requests are expected in their order. */
  get lead(): Nanoseconds {
    return Object.values(this.lines).reduce((longest, { opensWithin = 0 }) => Math.min(lookAhead, Math.max(longest, opensWithin)), 0);
  }

  /** Connections to be opened before the start, by engine. */
  atStart(): Readonly<Record<string, number>> {
    const { lead } = this;
    const [due, soon]: [Record<string, number>, Record<string, number>] = [{}, {}];
    for (const { turn, offset = 0 } of this.steps) {
      if (offset > lookAhead) break;
      const { engine } = turn;
      soon[engine] = (soon[engine] ?? 0) + 1;
      if (offset <= lead) due[engine] = soon[engine];
    }
    return Object.fromEntries(Object.entries(soon).map(([engine, count]) => [engine, count > few ? count : (due[engine] ?? 0)]));
  }

  /** The start is known. */
  follow(start: Nanoseconds): void {
    this.start = start;
    this.wait();
  }

  /** The step is about to be sent, or dropped: it is expected by now. */
  reach(step: Step): void {
    if (this.steps[this.next] === step) this.expectNext(step);
  }

  /** One that is not of the schedule. */
  expect({ turn: { engine } }: Step): void {
    this.lines[engine]?.expect?.();
  }

  stop(): void {
    this.cancel();
  }

  private wait(): void {
    const step = this.steps[this.next];
    if (step === undefined || this.isIdle) return;
    const { offset = 0 } = step;
    this.cancel = this.clock.at(this.start + offset - this.lead, () => {
      this.reach(step);
      this.wait();
    });
  }

  private expectNext(step: Step): void {
    this.next++;
    this.expect(step);
  }
}
