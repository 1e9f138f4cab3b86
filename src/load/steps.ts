import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { linksOf, type Links } from "./links.ts";
import type { Turn, Turns } from "./phase.ts";

/** A turn in its phase, made when it is first asked for. It keeps what is asked of its request again and again, since each look at that makes it anew. */
export class Step {
  readonly place: number;
  readonly turn: Turn;
  readonly request: number;
  /** From the start of the phase, where it has a time of its own. */
  readonly offset: Nanoseconds | undefined;
  /** The request after whose end it falls due, where it is one's end. */
  readonly after: number | undefined;
  readonly pause: Nanoseconds;
  readonly promptTokens: number;
  /** Its own reply is part of another one's prompt. */
  readonly isContained: boolean;
  /** How many of those that it waits for have yet to end. */
  waitsFor: number;
  /** On the clock, where it depends on another one's end and that is known. */
  due: Nanoseconds | undefined;
  /** The latest end of those that it waits for, once one of several has ended: they are not told in the order in which they came. */
  latestEnd: Nanoseconds | undefined;
  /** It has been recorded as one that will never be sent. */
  isDropped = false;
  /** Its reply's text, once there, where another step contains it. */
  text: string | undefined;

  constructor(place: number, turn: Turn, { waitsFor, isContained }: Links) {
    const { request, due } = turn;
    const { arrival } = request;
    this.place = place;
    this.turn = turn;
    this.request = request.id;
    this.offset = due === undefined ? undefined : toNanoseconds(due);
    this.after = arrival.kind === "after" ? arrival.request : undefined;
    this.pause = arrival.kind === "after" ? toNanoseconds(arrival.pause) : 0;
    this.promptTokens = request.contextTokens + request.questionTokens;
    this.isContained = isContained.has(place);
    this.waitsFor = waitsFor[place] ?? 0;
  }
}

/**
 * A phase's turns, linked to one another. A step is made when it is first asked for and let go once it has ended: all of them at once took the collector
 * of garbage as long as everything else before the first request.
 */
export class Steps {
  private readonly turns: Turns;
  private readonly links: Links;
  /** Places of those with a time of their own and nobody to wait for, earliest first. */
  private readonly scheduled: readonly number[];
  /**
   * By place. No map: one that loses as many as it gets is built anew again and again, each of its tables holds on to the one after it, and one that is
   * old keeps all of them, and every step in them, alive until the old ones are collected.
   */
  private readonly made: (Step | undefined)[];

  constructor(turns: Turns) {
    this.turns = turns;
    this.links = linksOf(turns);
    this.made = Array.from({ length: turns.length });
    const { waitsFor, strays } = this.links;
    const dues = new Float64Array(turns.length);
    const scheduled: number[] = [];
    for (let place = 0; place < turns.length; place++) {
      const due = waitsFor[place] === 0 && !strays.has(place) ? turns.at(place)?.due : undefined;
      if (due === undefined) continue;
      scheduled.push(place);
      dues[place] = due;
    }
    this.scheduled = scheduled.sort((a, b) => (dues[a] ?? 0) - (dues[b] ?? 0));
  }

  /** How many have a time of their own and nobody to wait for. */
  get scheduledCount(): number {
    return this.scheduled.length;
  }

  /** The one with so many before it, earliest first. */
  scheduledAt(index: number): Step | undefined {
    const place = this.scheduled[index];
    return place === undefined ? undefined : this.at(place);
  }

  /** That one and those after it. */
  *scheduledFrom(index: number): Generator<Step> {
    for (const place of this.scheduled.slice(index)) yield this.at(place);
  }

  /** Those that wait for a request that is not in the phase, or for one that waits for them. */
  strays(): readonly Step[] {
    return this.stepsAt([...this.links.strays]);
  }

  /** Those that are sent after its end, or with its reply. */
  followersOf({ place }: Step): readonly Step[] {
    const followers = this.links.followers[place];
    return typeof followers === "number" ? [this.at(followers)] : this.stepsAt(followers ?? []);
  }

  /** Those whose own replies are parts of its prompt. */
  containedIn({ place }: Step): readonly Step[] {
    return this.stepsAt(this.links.contains.get(place) ?? []);
  }

  /** It has ended: from now on nobody asks for it, except for its reply. */
  release(step: Step): void {
    if (!step.isContained) this.made[step.place] = undefined;
  }

  private stepsAt(places: readonly number[]): readonly Step[] {
    return places.map((place) => this.at(place));
  }

  private at(place: number): Step {
    return (this.made[place] ??= new Step(place, this.turns.at(place) as Turn, this.links));
  }
}
