import type { Ending, Line, Prepared } from "../model/exchange.ts";
import { dropped, failed, type Outcome } from "../model/outcome.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { DeadlineSweep } from "./deadlineSweep.ts";
import type { DriveOptions } from "./drive.ts";
import { Expectation } from "./expectation.ts";
import { Flight, limitsOf, type FlightHome, type FlightOptions } from "./flight.ts";
import { Members, type Member } from "./members.ts";
import type { Turns } from "./phase.ts";
import { lookAhead, Preparation, type Preparer } from "./preparation.ts";
import { Steps, type Step } from "./steps.ts";
import type { Tally } from "./tally.ts";

/** After an interruption, what is under way may go on for so long. */
const longestDrain = toNanoseconds(30);

interface Due {
  readonly step: Step;
  readonly due: Nanoseconds;
}

/** A follower whose predecessor has ended. */
interface Pause extends Due, Member {
  cancel: () => void;
}

export type PlayerOptions = Pick<DriveOptions, "experiment" | "lines" | "clock" | "deadlines" | "recorder" | "keepText"> & {
  readonly tally: Tally;
};

/**
 * One phase as it is played. Everything in here runs in callbacks of the clock and of exchanges; no promise sits between them. In the order in which it
 * happens to a request: it is sent at its time, it ends, and its followers get theirs; then what will never be sent, and what ends a phase early.
 */
export class Player implements FlightHome, Preparer {
  private readonly options: PlayerOptions;
  private readonly finished: () => void;
  private readonly steps: Steps;
  private readonly preparation: Preparation;
  private readonly expectation: Expectation;
  private readonly sweep: DeadlineSweep;
  /** Followers that wait for their time. */
  private readonly pausing = new Members<Pause>();
  private readonly flightOptions: FlightOptions;
  private start: Nanoseconds = Infinity;
  /** When the experiment's time is up. */
  private limit: Nanoseconds = Infinity;
  private next = 0;
  private isStopped = false;
  /** Why nothing more is sent, once the experiment's time is up. */
  private timeWasUp: string | undefined;
  private hasFinished = false;
  private cancelSend: () => void = () => {};
  private cancelLimit: () => void = () => {};

  constructor(phase: Turns, options: PlayerOptions, finished: () => void) {
    this.options = options;
    this.finished = finished;
    this.steps = new Steps(phase);
    this.preparation = new Preparation(this.steps, options.clock, this);
    this.expectation = new Expectation(this.steps, options.clock, options.lines);
    this.sweep = new DeadlineSweep(options.clock);
    const { recorder, tally, deadlines } = options;
    this.flightOptions = { recorder, tally, limits: limitsOf(deadlines), home: this };
  }

  /** Before the start: for those that are due just then. */
  async openConnections(): Promise<void> {
    await this.expectation.openFirst();
  }

  /** Has the first requests ready, then calls `ready`; not when it is stopped before. */
  prepareFirst(ready: () => void): void {
    if (this.isStopped) this.finishIfNothingIsLeft();
    else this.preparation.begin(ready);
  }

  /** All times of the phase count from `start`. */
  begin(start: Nanoseconds): void {
    if (this.isStopped) return this.finishIfNothingIsLeft();
    const { clock, deadlines } = this.options;
    this.start = start;
    this.preparation.follow(start);
    this.expectation.follow(start);
    this.scheduleNext();
    this.dropStrays();
    if (deadlines.experiment !== undefined) {
      this.limit = start + toNanoseconds(deadlines.experiment);
      this.cancelLimit = clock.at(this.limit, () => this.timeIsUp());
    }
    this.finishIfNothingIsLeft();
  }

  private scheduleNext(): void {
    const step = this.steps.scheduledAt(this.next);
    if (step !== undefined) this.cancelSend = this.options.clock.at(this.dueOf(step), () => this.sendNext(step));
  }

  private sendNext(step: Step): void {
    const now = this.now();
    if (this.isOverBy(now)) return;
    this.next++;
    const due = this.dueOf(step);
    this.expectation.reach(step);
    if (this.isTooLate(due, now)) this.dropLate(step, due, this.preparation.skip(step));
    else this.send({ step, due }, this.preparation.take(step), now);
    this.scheduleNext();
    this.finishIfNothingIsLeft();
  }

  prepare(step: Step): Prepared {
    const { keepText } = this.options;
    const contained = this.steps.containedIn(step);
    const replies = (request: number) => contained.find((one) => one.request === request)?.text;
    return this.lineOf(step).prepare(step.turn.request, replies, keepText || step.isContained);
  }

  private send({ step, due }: Due, prepared: Prepared, now: Nanoseconds): void {
    const flight = new Flight(step, this.recordDue(step, due), now, this.flightOptions);
    this.sweep.watch(flight, now);
    flight.exchange = this.lineOf(step).send(prepared, flight);
  }

  flightEnded(flight: Flight, at: Nanoseconds, ending: Ending): void {
    const { step } = flight;
    this.sweep.release(flight);
    if (step.isContained) step.text = ending.text;
    if (!this.isStopped) this.goOnAfter(step, at, ending.outcome);
    this.steps.release(step);
    this.finishIfNothingIsLeft();
  }

  private goOnAfter(step: Step, at: Nanoseconds, outcome: Outcome): void {
    for (const follower of this.steps.followersOf(step)) {
      const due = this.dueAfter(follower, step, at);
      const end = Math.max(at, follower.latestEnd ?? at);
      follower.waitsFor--;
      if (follower.waitsFor > 0) follower.latestEnd = end;
      if (follower.isDropped) continue;
      if (this.timeWasUp !== undefined) this.drop(follower, due, this.timeWasUp);
      // Without the reply there is nothing to send; whoever merely waited for its end goes on, as a user would.
      else if (outcome.kind === "completed" || !this.steps.containedIn(follower).includes(step)) {
        // Nobody can send a reply before it is there: a follower whose own time was earlier falls due then, and the harness is not late.
        if (follower.waitsFor === 0) this.sendAt(follower, Math.max(due, end));
      } else {
        const why = outcome.kind === "failed" ? `failed: ${outcome.code}` : outcome.kind === "dropped" ? "was dropped" : "did not end";
        this.drop(follower, due, `request ${step.request}, whose reply it contains, ${why}`);
      }
    }
  }

  /** When a follower falls due, as far as that is known now that `ended` has: that may be a request whose reply it contains, and its time be set by the end of another. */
  private dueAfter(follower: Step, ended: Step, at: Nanoseconds): Nanoseconds {
    if (follower.offset !== undefined) return this.dueOf(follower);
    if (follower.after !== ended.request) return follower.due ?? at;
    const due = at + follower.pause;
    // Kept only where it waits for others still: a number that was just made and hangs on an old step costs each collection of garbage 0.4 µs.
    if (follower.waitsFor > 1) follower.due = due;
    return due;
  }

  /**
   * Prepared in a call of its own, so that the reads at hand come first, and no sooner than what is scheduled: the bytes of many users who
   * think for a minute would fill the memory, and a connection that was opened for one would be too old by then.
   */
  private sendAt(step: Step, due: Nanoseconds): void {
    const { clock } = this.options;
    const pause: Pause = { step, due, place: -1, cancel: () => {} };
    this.pausing.add(pause);
    pause.cancel = clock.at(Math.max(clock.now(), due - lookAhead), () => {
      const prepared = this.prepare(step);
      const now = clock.now();
      if (due <= now) this.expectPausing(pause, prepared, now);
      else pause.cancel = clock.at(due - this.expectation.lead, () => this.expectPausing(pause, prepared, clock.now()));
    });
  }

  private expectPausing(pause: Pause, prepared: Prepared, now: Nanoseconds): void {
    const { clock } = this.options;
    this.expectation.expect(pause.step);
    if (pause.due <= now) this.sendPausing(pause, prepared, now);
    else pause.cancel = clock.at(pause.due, () => this.sendPausing(pause, prepared, clock.now()));
  }

  private sendPausing(pause: Pause, prepared: Prepared, now: Nanoseconds): void {
    if (this.isOverBy(now)) return;
    this.pausing.remove(pause);
    if (this.isTooLate(pause.due, now)) this.dropLate(pause.step, pause.due, prepared);
    else this.send(pause, prepared, now);
    this.finishIfNothingIsLeft();
  }

  /** Calls of the clock that are late come before those that were to come later, such as the limit's own: so whoever sends looks first. */
  private isOverBy(now: Nanoseconds): boolean {
    this.sweep.lookIfDue(now);
    if (now < this.limit) return this.isStopped;
    this.timeIsUp();
    return true;
  }

  private isTooLate(due: Nanoseconds, now: Nanoseconds): boolean {
    const { send } = this.options.deadlines;
    return send !== undefined && now > due + toNanoseconds(send);
  }

  private dropLate(step: Step, due: Nanoseconds, prepared: Prepared | undefined): void {
    if (prepared !== undefined) this.lineOf(step).discard?.(prepared);
    const reason = `not sent within ${this.options.deadlines.send} s of its time`;
    this.goOnAfter(step, this.recordDropped(step, due, reason), dropped(reason));
  }

  private dropStrays(): void {
    for (const step of this.steps.strays())
      this.drop(step, this.start, "a request that it waits for is not in this workload, or waits for it");
  }

  /** A request that will never be sent is recorded as much as any other, and so are those that would have followed it: a session's thousands may be one chain. */
  private drop(step: Step, due: Nanoseconds, reason: string): void {
    const left = [{ step, due, reason }];
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      if (one.step.isDropped) continue;
      const { step: before, due: at } = one;
      this.recordDropped(before, at, one.reason);
      const why = this.timeWasUp ?? `request ${before.request} before it was dropped`;
      for (const follower of this.steps.followersOf(before).toReversed())
        left.push({ step: follower, due: this.dueAfter(follower, before, at), reason: why });
    }
  }

  private recordDropped(step: Step, due: Nanoseconds, reason: string): Nanoseconds {
    step.isDropped = true;
    return this.recordEnd(step, due, dropped(reason));
  }

  /** Of one that was never sent: returns when that is said to have ended. */
  private recordEnd(step: Step, due: Nanoseconds, outcome: Outcome): Nanoseconds {
    const { recorder, tally } = this.options;
    const at = Math.max(this.now(), this.start);
    recorder.ended(this.recordDue(step, due), at, { outcome });
    tally.ended(step.turn.engine, outcome);
    return at;
  }

  /** Sends nothing more; what is under way may end. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.preparation.stop();
    this.expectation.stop();
    this.cancelSend();
    this.cancelDue();
    this.cancelLimit();
    this.cancelLimit = this.options.clock.at(this.now() + longestDrain, () => this.kill());
    this.finishIfNothingIsLeft();
  }

  /** Ends everything now. */
  kill(): void {
    this.stop();
    for (const flight of this.sweep.list()) flight.exchange?.abort({ kind: "cancelled" });
  }

  /** What has fallen due by now and was not sent is recorded as much as what is under way. */
  private cancelDue(): void {
    const now = this.now();
    for (const step of this.steps.scheduledFrom(this.next)) {
      if (this.dueOf(step) > now) break;
      this.recordEnd(step, this.dueOf(step), { kind: "cancelled" });
    }
    for (const pause of this.pausing.list()) {
      this.cancelPause(pause);
      if (pause.due <= now) this.recordEnd(pause.step, pause.due, { kind: "cancelled" });
    }
  }

  private timeIsUp(): void {
    if (this.timeWasUp !== undefined) return;
    const reason = `the experiment's time of ${this.options.deadlines.experiment} s was up`;
    this.timeWasUp = reason;
    this.preparation.stop();
    this.expectation.stop();
    this.cancelSend();
    for (const step of this.steps.scheduledFrom(this.next)) this.drop(step, this.dueOf(step), reason);
    this.next = this.steps.scheduledCount;
    for (const pause of this.pausing.list()) {
      this.cancelPause(pause);
      this.drop(pause.step, pause.due, reason);
    }
    for (const flight of this.sweep.list()) flight.exchange?.abort(failed("request-timeout", reason));
    this.finishIfNothingIsLeft();
  }

  private cancelPause(pause: Pause): void {
    pause.cancel();
    this.pausing.remove(pause);
  }

  private finishIfNothingIsLeft(): void {
    const isAllSent = this.isStopped || this.next === this.steps.scheduledCount;
    if (this.hasFinished || !isAllSent || this.sweep.size > 0 || this.pausing.size > 0) return;
    this.hasFinished = true;
    this.cancelLimit();
    this.finished();
  }

  private lineOf({ turn: { engine } }: Step): Line {
    const line = this.options.lines[engine];
    if (line === undefined) throw new Error(`no line to engine ${engine}`);
    return line;
  }

  private recordDue({ turn, request }: Step, due: Nanoseconds): number {
    const { experiment, recorder } = this.options;
    const { block, engine } = turn;
    return recorder.due({ experiment, block, engine, request, start: this.start, due: due - this.start });
  }

  private dueOf({ offset = 0 }: Step): Nanoseconds {
    return this.start + offset;
  }

  private now(): Nanoseconds {
    return this.options.clock.now();
  }
}
