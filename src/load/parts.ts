import type { Phase, Turn } from "./phase.ts";
import { ownReplies } from "./ownReplies.ts";
import { PlacesByRequest } from "./placesByRequest.ts";

/**
 * A phase in `count` parts that can be played beside one another: a turn that follows another one, or contains its reply as the engine gave it, is in the same part.
 * What falls due one after the other goes to one part after the other, so that each has its share at any time.
 */
export function partsOfPhase(phase: Phase, count: number): readonly Phase[] {
  if (count === 1) return [phase];
  const parts: Turn[][] = Array.from({ length: count }, () => []);
  const firsts = firstsOf(phase);
  const placed = new Map<number, Turn[]>();
  let next = 0;
  for (const [place, turn] of phase.entries()) {
    const first = firsts[place] ?? place;
    const part = placed.get(first) ?? parts[next++ % count];
    if (part === undefined) continue; // there are `count` of them
    part.push(turn);
    placed.set(first, part);
  }
  return parts;
}

/** Of each turn the place of the first of those that belong together: sessions, and what joins several of them. */
function firstsOf(phase: Phase): Int32Array {
  const places = new PlacesByRequest(phase);
  const firsts = Int32Array.from(phase.keys());
  const earlier = (place: number) => firsts[place] as number; // one for each turn
  const firstOf = (place: number): number => {
    let first = place;
    // A shorter way for the next look.
    while (earlier(first) !== first) first = firsts[first] = earlier(earlier(first));
    return first;
  };
  for (const [place, turn] of phase.entries()) {
    for (const request of predecessors(turn)) {
      const before = places.of(turn, request);
      if (before === undefined) continue;
      const [one, other] = [firstOf(place), firstOf(before)];
      firsts[Math.max(one, other)] = Math.min(one, other);
    }
  }
  return firsts.map(firstOf);
}

/** Requests that this one waits for, or whose own replies it contains. */
function predecessors({ request }: Turn): readonly number[] {
  const contained = ownReplies(request);
  return request.arrival.kind === "after" ? [request.arrival.request, ...contained] : contained;
}
