import type { Request } from "../model/request.ts";
import type { Phase, Turn } from "./order.ts";

/** A turn in its phase: what waits for its end, and whose replies it contains. */
export class Step {
  readonly turn: Turn;
  /** Those that are sent after its end. */
  readonly followers: Step[];
  /** Those whose own replies are parts of its prompt. */
  readonly contains: Step[];
  isContained: boolean;
  /** Its reply's text, once there, where another step contains it. */
  text: string | undefined;

  constructor(turn: Turn) {
    this.turn = turn;
    this.followers = [];
    this.contains = [];
    this.isContained = false;
    this.text = undefined;
  }
}

export interface Steps {
  /** With a time of their own, earliest first. */
  readonly scheduled: readonly Step[];
  /** Those that wait for a request that is not in the phase. */
  readonly strays: readonly Step[];
}

/** A phase's turns, linked to one another. */
export function stepsOf(phase: Phase): Steps {
  const steps = phase.map((turn) => new Step(turn));
  const scheduled = steps.filter(({ turn }) => turn.due !== undefined).sort((a, b) => (a.turn.due ?? 0) - (b.turn.due ?? 0));
  const strays: Step[] = [];
  const lookUp = index(steps);
  for (const step of steps) {
    const { arrival } = step.turn.request;
    const before = arrival.kind === "after" ? lookUp(step.turn, arrival.request) : undefined;
    if (before !== undefined) before.followers.push(step);
    else if (arrival.kind === "after") strays.push(step);
    for (const request of ownReplies(step.turn.request)) {
      const contained = lookUp(step.turn, request);
      if (contained === undefined) continue;
      contained.isContained = true;
      step.contains.push(contained);
    }
  }
  return { scheduled, strays };
}

/** The requests whose own replies are parts of the prompt. */
function ownReplies({ messages }: Request): readonly number[] {
  return messages.flatMap(({ parts }) => parts.flatMap((part) => (part.kind === "reply" && part.source === "own" ? [part.request] : [])));
}

/** Finds a request's step on the same engine in the same block as a turn. */
function index(steps: readonly Step[]): (of: Turn, request: number) => Step | undefined {
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
