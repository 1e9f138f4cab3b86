import type { Prepared } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import type { Step, Steps } from "./steps.ts";

/** A request is serialised so long before it is due (no round number, or in a regular schedule another one would be due just then)… */
export const lookAhead = toNanoseconds(0.4873);
/** …but at most so many tokens of prompt, about 64 MB of bytes, and so many requests wait for their time. */
const mostTokens = 8_000_000;
const mostRequests = 4_096;

/** Who serialises a step's request. */
export interface Preparer {
  prepare(step: Step): Prepared;
}

/** Has scheduled requests ready before they are due: each is prepared in a call of the clock of its own, in their order. */
export class Preparation {
  private readonly steps: Steps;
  private readonly clock: Clock;
  private readonly preparer: Preparer;
  private readonly prepared: Prepared[] = [];
  private next = 0;
  private tokens = 0;
  private start: Nanoseconds = 0;
  private isWaitingForRoom = false;
  private cancel: () => void = () => {};

  constructor(steps: Steps, clock: Clock, preparer: Preparer) {
    this.steps = steps;
    this.clock = clock;
    this.preparer = preparer;
  }

  /** Prepares what is due soon after a start that is still to be chosen, then calls `done`. */
  begin(done: () => void): void {
    const step = this.steps.scheduledAt(this.next);
    if (step === undefined || offsetOf(step) > lookAhead || !this.hasRoom()) return done();
    this.prepareNext(step);
    this.cancel = this.clock.at(this.clock.now(), () => this.begin(done));
  }

  /** Goes on, now that the start is known. */
  follow(start: Nanoseconds): void {
    this.start = start;
    this.wait();
  }

  /** The next step's request; prepared here and now when there was no time before. */
  take(step: Step): Prepared {
    const prepared = this.prepared.shift();
    if (prepared === undefined) {
      this.next++;
      return this.preparer.prepare(step);
    }
    this.tokens -= step.promptTokens;
    if (this.isWaitingForRoom) this.wait();
    return prepared;
  }

  /** The next step's request will not be sent: given if it is prepared. */
  skip(step: Step): Prepared | undefined {
    return this.prepared.length > 0 ? this.take(step) : void this.next++;
  }

  stop(): void {
    this.cancel();
  }

  private wait(): void {
    const step = this.steps.scheduledAt(this.next);
    if (step === undefined) return;
    this.isWaitingForRoom = !this.hasRoom();
    if (!this.isWaitingForRoom) this.cancel = this.clock.at(this.start + offsetOf(step) - lookAhead, () => this.prepareIfDue());
  }

  private prepareIfDue(): void {
    const step = this.steps.scheduledAt(this.next);
    // Sent in the meantime without us: then the next one's time has not come yet.
    if (step !== undefined && this.start + offsetOf(step) - lookAhead <= this.clock.now()) this.prepareNext(step);
    this.wait();
  }

  private prepareNext(step: Step): void {
    this.prepared.push(this.preparer.prepare(step));
    this.tokens += step.promptTokens;
    this.next++;
  }

  private hasRoom(): boolean {
    return this.prepared.length < mostRequests && this.tokens < mostTokens;
  }
}

function offsetOf({ offset = 0 }: Step): Nanoseconds {
  return offset;
}
