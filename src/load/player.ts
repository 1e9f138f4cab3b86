import type { Ending, Prepared } from "../model/exchange.ts";
import { dropped, failed } from "../model/outcome.ts";
import { partsOf } from "../model/request.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { DeadlineSweep } from "./deadlineSweep.ts";
import type { DriveOptions } from "./drive.ts";
import { Flight, type FlightHome, type FlightOptions } from "./flight.ts";
import { Members, type Member } from "./members.ts";
import type { Phase, Turn } from "./order.ts";
import type { Tally } from "./tally.ts";
import { lineOf, lookAhead, Preparation, type Preparer } from "./preparation.ts";

/** After an interruption, what is under way may go on for so long. */
const longestDrain: Nanoseconds = 30_000_000_000;

/** A follower whose predecessor has ended. */
interface Pause extends Member {
  readonly turn: Turn;
  readonly due: Nanoseconds;
  cancel: () => void;
}

export type PlayerOptions = Pick<DriveOptions, "experiment" | "lines" | "clock" | "deadlines" | "recorder" | "keepText"> & {
  readonly tally: Tally;
};

/** One phase as it is played. Everything in here runs in callbacks of the clock and of exchanges; no promise sits between them. */
export class Player implements FlightHome, Preparer {
  private readonly options: PlayerOptions;
  private readonly finished: () => void;
  /** Turns with a time of their own, earliest first. */
  private readonly scheduled: readonly Turn[];
  private readonly preparation: Preparation;
  /** Turns that wait for another's end; under `undefined` those that wait for a request that is not played here. */
  private readonly followers: ReadonlyMap<Turn | undefined, readonly Turn[]>;
  /** Turns whose reply's text a later request contains. */
  private readonly contained: ReadonlySet<Turn | undefined>;
  private readonly texts: Map<string, string>;
  private readonly sweep: DeadlineSweep;
  /** Followers that wait for their time. */
  private readonly pausing: Members<Pause>;
  private readonly flightOptions: FlightOptions;
  private start: Nanoseconds;
  private next: number;
  private isStopped: boolean;
  /** Why nothing more is sent, once the experiment's time is up. */
  private timeWasUp: string | undefined;
  private hasFinished: boolean;
  private cancelSend: () => void;
  private cancelLimit: () => void;

  constructor(phase: Phase, options: PlayerOptions, finished: () => void) {
    this.options = options;
    this.finished = finished;
    this.scheduled = phase.filter((turn) => turn.due !== undefined).sort((a, b) => (a.due ?? 0) - (b.due ?? 0));
    this.preparation = new Preparation(this.scheduled, options.clock, this);
    const turns = new Map(phase.map((turn) => [keyOf(turn, turn.request.id), turn]));
    this.followers = followersIn(phase, turns);
    this.contained = containedIn(phase, turns);
    this.texts = new Map();
    this.sweep = new DeadlineSweep(options.clock, options.deadlines);
    this.pausing = new Members();
    const { recorder, tally } = options;
    this.flightOptions = { recorder, tally, home: this };
    this.start = 0;
    this.next = 0;
    this.isStopped = false;
    this.timeWasUp = undefined;
    this.hasFinished = false;
    this.cancelSend = () => {};
    this.cancelLimit = () => {};
  }

  /** Requests due within the first look-ahead, by engine: so many connections are opened before the start. */
  startBurst(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { engine, due } of this.scheduled) {
      if (toNanoseconds(due ?? 0) > lookAhead) break;
      counts[engine] = (counts[engine] ?? 0) + 1;
    }
    return counts;
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
    this.scheduleNext();
    this.dropStrays();
    if (deadlines.experiment !== undefined) {
      this.cancelLimit = clock.at(start + toNanoseconds(deadlines.experiment), () => this.timeIsUp());
    }
    this.finishIfNothingIsLeft();
  }

  /** Sends nothing more; what is under way may end. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.preparation.stop();
    this.cancelSend();
    for (const pause of this.pausing.list()) this.cancelPause(pause);
    this.cancelLimit();
    this.cancelLimit = this.options.clock.at(this.now() + longestDrain, () => this.kill());
    this.finishIfNothingIsLeft();
  }

  /** Ends everything now. */
  kill(): void {
    this.stop();
    for (const flight of this.sweep.list()) flight.exchange?.abort({ kind: "cancelled" });
  }

  private dropStrays(): void {
    for (const turn of this.followersOf(undefined)) this.drop(turn, this.start, "the request before it is not in this workload");
  }

  private scheduleNext(): void {
    const turn = this.scheduled[this.next];
    if (turn !== undefined) this.cancelSend = this.options.clock.at(this.dueOf(turn), () => this.sendNext(turn));
  }

  private sendNext(turn: Turn): void {
    this.next++;
    this.send(turn, this.dueOf(turn), this.preparation.take(turn));
    this.scheduleNext();
    this.finishIfNothingIsLeft();
  }

  private send(turn: Turn, due: Nanoseconds, prepared: Prepared): void {
    const flight = new Flight(turn, this.recordDue(turn, due), this.now(), this.flightOptions);
    this.sweep.watch(flight);
    flight.exchange = lineOf(this.options.lines, turn).send(prepared, flight);
  }

  flightEnded(flight: Flight, at: Nanoseconds, ending: Ending): void {
    const { turn } = flight;
    this.sweep.release(flight);
    if (ending.text !== undefined && this.contained.has(turn)) this.texts.set(keyOf(turn, turn.request.id), ending.text);
    if (!this.isStopped) this.goOnAfter(turn, at, ending);
    this.finishIfNothingIsLeft();
  }

  private goOnAfter(turn: Turn, at: Nanoseconds, { outcome }: Ending): void {
    for (const follower of this.followersOf(turn)) {
      const due = at + pauseOf(follower);
      if (this.timeWasUp !== undefined) this.drop(follower, due, this.timeWasUp);
      else if (outcome.kind === "completed" || !contains(follower, turn)) this.sendAt(follower, due);
      else {
        const why = outcome.kind === "failed" ? `failed: ${outcome.code}` : "did not end";
        this.drop(follower, due, `request ${turn.request.id}, whose reply it contains, ${why}`);
      }
    }
  }

  /** Prepared in a call of its own, so that the reads at hand come first. */
  private sendAt(turn: Turn, due: Nanoseconds): void {
    const { clock } = this.options;
    const pause: Pause = { turn, due, place: -1, cancel: () => {} };
    this.pausing.add(pause);
    pause.cancel = clock.at(clock.now(), () => {
      const prepared = this.prepare(turn);
      pause.cancel = clock.at(due, () => {
        this.pausing.remove(pause);
        this.send(turn, due, prepared);
        this.finishIfNothingIsLeft();
      });
    });
  }

  private cancelPause(pause: Pause): void {
    pause.cancel();
    this.pausing.remove(pause);
  }

  /** A request that will never be sent is recorded as much as any other, and so are those that would have followed it. */
  private drop(turn: Turn, due: Nanoseconds, reason: string): void {
    const { recorder, tally } = this.options;
    const outcome = dropped(reason);
    recorder.ended(this.recordDue(turn, due), Math.max(this.now(), this.start), { outcome });
    tally.ended(turn.engine, outcome);
    for (const follower of this.followersOf(turn)) {
      this.drop(follower, due + pauseOf(follower), `request ${turn.request.id} before it was dropped`);
    }
  }

  private timeIsUp(): void {
    const reason = `the experiment's time of ${this.options.deadlines.experiment} s was up`;
    this.timeWasUp = reason;
    this.preparation.stop();
    this.cancelSend();
    for (const turn of this.scheduled.slice(this.next)) this.drop(turn, this.dueOf(turn), reason);
    this.next = this.scheduled.length;
    for (const pause of this.pausing.list()) {
      this.cancelPause(pause);
      this.drop(pause.turn, pause.due, reason);
    }
    for (const flight of this.sweep.list()) flight.exchange?.abort(failed("request-timeout", reason));
    this.finishIfNothingIsLeft();
  }

  private finishIfNothingIsLeft(): void {
    const isAllSent = this.isStopped || this.next === this.scheduled.length;
    if (this.hasFinished || !isAllSent || this.sweep.size > 0 || this.pausing.size > 0) return;
    this.hasFinished = true;
    this.cancelLimit();
    this.finished();
  }

  prepare(turn: Turn): Prepared {
    const { lines, keepText } = this.options;
    const replies = (request: number) => this.texts.get(keyOf(turn, request));
    return lineOf(lines, turn).prepare(turn.request, replies, keepText || this.contained.has(turn));
  }

  private recordDue({ block, engine, request }: Turn, due: Nanoseconds): number {
    const { experiment, recorder } = this.options;
    return recorder.due({ experiment, block, engine, request: request.id, start: this.start, due: due - this.start });
  }

  private followersOf(turn: Turn | undefined): readonly Turn[] {
    return this.followers.get(turn) ?? nobody;
  }

  private dueOf(turn: Turn): Nanoseconds {
    return this.start + toNanoseconds(turn.due ?? 0);
  }

  private now(): Nanoseconds {
    return this.options.clock.now();
  }
}

/** Of a request on the same engine in the same block. */
function keyOf({ block, engine }: Turn, request: number): string {
  return `${block} ${request} ${engine}`;
}

const nobody: readonly Turn[] = [];

/** A phase's turns by their keys. */
type Turns = ReadonlyMap<string, Turn>;

function followersIn(phase: Phase, turns: Turns): ReadonlyMap<Turn | undefined, readonly Turn[]> {
  const followers = new Map<Turn | undefined, Turn[]>();
  for (const turn of phase) {
    const { arrival } = turn.request;
    if (arrival.kind !== "after") continue;
    const before = turns.get(keyOf(turn, arrival.request));
    const others = followers.get(before);
    if (others === undefined) followers.set(before, [turn]);
    else others.push(turn);
  }
  return followers;
}

function containedIn(phase: Phase, turns: Turns): ReadonlySet<Turn | undefined> {
  const contained = new Set<Turn | undefined>();
  for (const turn of phase) {
    for (const part of partsOf(turn.request)) {
      if (part.kind === "reply" && part.source === "own") contained.add(turns.get(keyOf(turn, part.request)));
    }
  }
  return contained;
}

/** Without the reply there is nothing to send; whoever merely waited for its end goes on, as a user would. */
function contains(later: Turn, turn: Turn): boolean {
  return partsOf(later.request).some((part) => part.kind === "reply" && part.source === "own" && part.request === turn.request.id);
}

function pauseOf({ request }: Turn): Nanoseconds {
  return request.arrival.kind === "after" ? toNanoseconds(request.arrival.pause) : 0;
}
