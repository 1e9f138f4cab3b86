import { partsOf } from "../model/request.ts";
import type { Phase, Turn } from "./order.ts";

/**
 * A phase in `count` parts that can be played beside one another: a turn that follows another one, or contains its reply, is in the same part.
 * What falls due one after the other goes to one part after the other, so that each has its share at any time.
 */
export function partsOfPhase(phase: Phase, count: number): readonly Phase[] {
  if (count === 1) return [phase];
  const parts: Turn[][] = Array.from({ length: count }, () => []);
  const placed = new Map<string, Turn[]>();
  let next = 0;
  for (const turn of phase) {
    const before = predecessors(turn).map((request) => placed.get(keyOf(turn, request)));
    const part = before.find((found) => found !== undefined) ?? parts[next++ % count];
    if (part === undefined) continue; // there are `count` of them
    part.push(turn);
    placed.set(keyOf(turn, turn.request.id), part);
  }
  return parts;
}

/** Requests that this one waits for or contains. A chain of them stays together, and so do sessions, which are chains. */
function predecessors({ request }: Turn): readonly number[] {
  const contained = partsOf(request).flatMap((part) => (part.kind === "reply" ? [part.request] : []));
  return request.arrival.kind === "after" ? [request.arrival.request, ...contained] : contained;
}

function keyOf({ block, engine }: Turn, request: number): string {
  return `${block} ${request} ${engine}`;
}
