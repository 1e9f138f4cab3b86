import type { Request } from "../model/request.ts";
import type { Nanoseconds } from "../model/time.ts";
import type { Phase, Turn } from "./order.ts";

/** A turn in its phase: what waits for its end, and whose replies it contains. */
export class Step {
  readonly turn: Turn;
  /** Those that are sent after its end, or with its reply. */
  readonly followers: Step[];
  /** Those whose own replies are parts of its prompt. */
  readonly contains: Step[];
  isContained: boolean;
  /** How many of those that it waits for have yet to end. */
  waitsFor: number;
  /** On the clock, where it depends on another one's end and that is known. */
  due: Nanoseconds | undefined;
  /** It has been recorded as one that will never be sent. */
  isDropped: boolean;
  /** Its reply's text, once there, where another step contains it. */
  text: string | undefined;

  constructor(turn: Turn) {
    this.turn = turn;
    this.followers = [];
    this.contains = [];
    this.isContained = false;
    this.waitsFor = 0;
    this.due = undefined;
    this.isDropped = false;
    this.text = undefined;
  }

  /** It falls due by the end of that one, and not by a time of its own or of another's. */
  isAfter({ turn }: Step): boolean {
    const { arrival } = this.turn.request;
    return arrival.kind === "after" && arrival.request === turn.request.id;
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
  const scheduled = steps.filter((step) => step.turn.due !== undefined && step.waitsFor === 0 && !strays.has(step));
  return { scheduled: scheduled.sort((a, b) => (a.turn.due ?? 0) - (b.turn.due ?? 0)), strays: [...strays] };
}

type LookUp = (of: Turn, request: number) => Step | undefined;

/** False where one that it waits for is not there. */
function isLinked(step: Step, lookUp: LookUp): boolean {
  const { arrival } = step.turn.request;
  const replies = new Set(ownReplies(step.turn.request));
  for (const request of arrival.kind === "after" ? new Set([arrival.request, ...replies]) : replies) {
    const awaited = lookUp(step.turn, request);
    if (awaited === undefined) return false;
    awaited.followers.push(step);
    step.waitsFor++;
    if (!replies.has(request)) continue;
    awaited.isContained = true;
    step.contains.push(awaited);
  }
  return true;
}

/** Those that nobody's end can ever set free. */
function inCircles(steps: readonly Step[], strays: ReadonlySet<Step>): readonly Step[] {
  const waiting = new Map(steps.flatMap((step) => (step.waitsFor > 0 && !strays.has(step) ? [[step, step.waitsFor]] : [])));
  if (waiting.size === 0) return [];
  const free = steps.filter((step) => !waiting.has(step));
  for (let step = free.pop(); step !== undefined; step = free.pop()) {
    for (const follower of step.followers) {
      const left = (waiting.get(follower) ?? 0) - 1;
      if (left === 0) waiting.delete(follower);
      if (left === 0) free.push(follower);
      else waiting.set(follower, left);
    }
  }
  return [...waiting.keys()];
}

/** The requests whose own replies are parts of the prompt. */
function ownReplies({ messages }: Request): readonly number[] {
  return messages.flatMap(({ parts }) => parts.flatMap((part) => (part.kind === "reply" && part.source === "own" ? [part.request] : [])));
}

/** Finds a request's step on the same engine in the same block as a turn. */
function index(steps: readonly Step[]): LookUp {
  const groups = new Map<string, Map<number, Step>>();
  for (const step of steps) {
    const key = groupOf(step.turn);
    const group = groups.get(key) ?? new Map<number, Step>();
    groups.set(key, group.set(step.turn.request.id, step));
  }
  return (of, request) => groups.get(groupOf(of))?.get(request);
}

function groupOf({ block, engine }: Turn): string {
  return `${block} ${engine}`;
}
