import { partsOf } from "../model/request.ts";
import type { Phase, Turn } from "./order.ts";

/**
 * A phase in `count` parts that can be played beside one another: a turn that follows another one, or contains its reply, is in the same part.
 * What falls due one after the other goes to one part after the other, so that each has its share at any time.
 */
export function partsOfPhase(phase: Phase, count: number): readonly Phase[] {
  if (count === 1) return [phase];
  const parts: Turn[][] = Array.from({ length: count }, () => []);
  const firsts = firstsOf(phase);
  const placed = new Map<Turn, Turn[]>();
  let next = 0;
  for (const turn of phase) {
    const first = firsts.get(turn) ?? turn;
    const part = placed.get(first) ?? parts[next++ % count];
    if (part === undefined) continue; // there are `count` of them
    part.push(turn);
    placed.set(first, part);
  }
  return parts;
}

/** Of each turn that is linked to others the first of those that belong together: sessions, and what joins several of them. */
function firstsOf(phase: Phase): ReadonlyMap<Turn, Turn> {
  const byKey = new Map(phase.map((turn) => [keyOf(turn, turn.request.id), turn]));
  const places = new Map(phase.map((turn, place) => [turn, place]));
  const firsts = new Map<Turn, Turn>();
  const firstOf = (turn: Turn): Turn => {
    let first = turn;
    for (let before = firsts.get(first); before !== undefined; before = firsts.get(first)) first = before;
    if (first !== turn) firsts.set(turn, first); // a shorter way for the next look
    return first;
  };
  for (const turn of phase) {
    for (const request of predecessors(turn)) {
      const before = byKey.get(keyOf(turn, request));
      if (before === undefined) continue;
      const [one, other] = [firstOf(turn), firstOf(before)].sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
      if (one !== undefined && other !== undefined && one !== other) firsts.set(other, one);
    }
  }
  return new Map([...firsts.keys()].map((turn) => [turn, firstOf(turn)]));
}

/** Requests that this one waits for or contains. */
function predecessors({ request }: Turn): readonly number[] {
  const contained = partsOf(request).flatMap((part) => (part.kind === "reply" ? [part.request] : []));
  return request.arrival.kind === "after" ? [request.arrival.request, ...contained] : contained;
}

function keyOf({ block, engine }: Turn, request: number): string {
  return `${block} ${request} ${engine}`;
}
