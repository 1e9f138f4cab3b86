import type { Request } from "../model/request.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { ByRequest } from "./byRequest.ts";
import type { Phase, Turn } from "./order.ts";

/** Of all those that have none: of a hundred thousand steps most have one at most, and an array that grows takes room for seventeen. */
const noSteps: Step[] = [];

function withOneMore(steps: Step[], step: Step): Step[] {
  if (steps === noSteps) return [step];
  steps.push(step);
  return steps;
}

const noRequests: readonly number[] = [];

/** A turn in its phase: what waits for its end, and whose replies it contains. Of its request what is asked for again and again: that is made anew each time. */
export class Step {
  readonly turn: Turn;
  readonly request: number;
  /** From the start of the phase, where it has a time of its own. */
  readonly offset: Nanoseconds | undefined;
  /** The request after whose end it falls due, where it is one's end. */
  readonly after: number | undefined;
  readonly pause: Nanoseconds;
  /** The requests whose own replies are parts of its prompt, each once. */
  readonly ownReplies: readonly number[];
  readonly promptTokens: number;
  /** Those that are sent after its end, or with its reply. */
  followers: Step[] = noSteps;
  /** Those whose own replies are parts of its prompt. */
  contains: Step[] = noSteps;
  isContained = false;
  /** How many of those that it waits for have yet to end. */
  waitsFor = 0;
  /** On the clock, where it depends on another one's end and that is known. */
  due: Nanoseconds | undefined;
  /** The latest end of those that it waits for, once one of several has ended: they are not told in the order in which they came. */
  latestEnd: Nanoseconds | undefined;
  /** It has been recorded as one that will never be sent. */
  isDropped = false;
  /** Its reply's text, once there, where another step contains it. */
  text: string | undefined;

  constructor(turn: Turn) {
    const { request, due } = turn;
    const { arrival } = request;
    this.turn = turn;
    this.request = request.id;
    this.offset = due === undefined ? undefined : toNanoseconds(due);
    this.after = arrival.kind === "after" ? arrival.request : undefined;
    this.pause = arrival.kind === "after" ? toNanoseconds(arrival.pause) : 0;
    this.ownReplies = ownReplies(request);
    this.promptTokens = request.contextTokens + request.questionTokens;
  }
}

export interface Steps {
  /** With a time of their own and nobody to wait for, earliest first. */
  readonly scheduled: readonly Step[];
  /** Those that wait for a request that is not in the phase, or for one that waits for them. */
  readonly strays: readonly Step[];
}

/** A phase's turns, linked to one another. */
export function stepsOf(phase: Phase): Steps {
  const steps = phase.map((turn) => new Step(turn));
  const lookUp = index(steps);
  const strays = new Set(steps.filter((step) => !isLinked(step, lookUp)));
  for (const step of inCircles(steps, strays)) strays.add(step);
  const scheduled = steps.filter((step) => step.offset !== undefined && step.waitsFor === 0 && !strays.has(step));
  return { scheduled: scheduled.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0)), strays: [...strays] };
}

type LookUp = (of: Turn, request: number) => Step | undefined;

/** False where one that it waits for is not there. */
function isLinked(step: Step, lookUp: LookUp): boolean {
  const { after, ownReplies: replies } = step;
  if (after !== undefined && !replies.includes(after)) {
    if (!waitsForEnd(step, lookUp(step.turn, after))) return false;
  }
  for (const request of replies) {
    const awaited = lookUp(step.turn, request);
    if (!waitsForEnd(step, awaited)) return false;
    awaited.isContained = true;
    step.contains = withOneMore(step.contains, awaited);
  }
  return true;
}

function waitsForEnd(step: Step, awaited: Step | undefined): awaited is Step {
  if (awaited === undefined) return false;
  awaited.followers = withOneMore(awaited.followers, step);
  step.waitsFor++;
  return true;
}

/** Those that nobody's end can ever set free. */
function inCircles(steps: readonly Step[], strays: ReadonlySet<Step>): readonly Step[] {
  const free = steps.filter((step) => step.waitsFor === 0 || strays.has(step));
  /** Of those that wait for more than one. */
  const waitsFor = new Map<Step, number>();
  for (let next = 0; next < free.length; next++) {
    for (const follower of free[next]?.followers ?? []) {
      const left = (waitsFor.get(follower) ?? follower.waitsFor) - 1;
      if (left > 0) waitsFor.set(follower, left);
      else if (!strays.has(follower)) free.push(follower);
    }
  }
  if (free.length === steps.length) return [];
  const freed = new Set(free);
  return steps.filter((step) => !freed.has(step));
}

function ownReplies({ messages }: Request): readonly number[] {
  let replies: number[] | undefined;
  for (const { parts } of messages) {
    for (const part of parts) {
      if (part.kind === "reply" && part.source === "own") (replies ??= []).push(part.request);
    }
  }
  return replies === undefined ? noRequests : [...new Set(replies)];
}

/** Finds a request's step on the same engine in the same block as a turn. */
function index(steps: readonly Step[]): LookUp {
  let found: ByRequest<Step> | undefined; // where nobody waits for another one, nobody asks
  return (turn, request) => (found ??= byRequest(steps)).get(turn, request);
}

function byRequest(steps: readonly Step[]): ByRequest<Step> {
  const found = new ByRequest<Step>();
  for (const step of steps) found.set(step.turn, step.request, step);
  return found;
}
