import { partsOf, type Request } from "../model/request.ts";

/** Requests of which each waits for the next one's end or reply, and the last one for the first's; empty where there are none such. */
export function circleOf(requests: readonly Request[]): readonly number[] {
  const waitsFor = requests.map(awaited);
  // A million of them are not followed one by one where each waits only for earlier ones.
  if (waitsFor.every((all, request) => all.every((other) => other < request))) return [];
  const stuck = neverFree(waitsFor);
  const [start] = stuck;
  if (start === undefined) return [];
  // Whoever is stuck waits for somebody who is: going on from one to the next ends in a circle.
  const path = new Set<number>();
  let next = start;
  while (!path.has(next)) {
    path.add(next);
    next = waitsFor[next]?.find((request) => stuck.has(request)) ?? next;
  }
  return [...path].slice([...path].indexOf(next));
}

function awaited(request: Request): readonly number[] {
  const { arrival } = request;
  const replies = partsOf(request).flatMap((part) => (part.kind === "reply" && part.source === "own" ? [part.request] : []));
  return arrival.kind === "after" ? [arrival.request, ...replies] : replies;
}

/** Those that wait in a circle or for one that does. Freed one by one: a session may be as long as its workload. */
function neverFree(waitsFor: readonly (readonly number[])[]): ReadonlySet<number> {
  const left = waitsFor.map(({ length }) => length);
  const followers = Map.groupBy(
    waitsFor.flatMap((all, request) => all.map((other) => ({ other, request }))),
    ({ other }) => other,
  );
  const free = left.flatMap((count, request) => (count === 0 ? [request] : []));
  for (let next = 0; next < free.length; next++) {
    for (const { request } of followers.get(free[next] ?? -1) ?? []) {
      left[request] = (left[request] ?? 0) - 1;
      if (left[request] === 0) free.push(request);
    }
  }
  return new Set(left.flatMap((count, request) => (count > 0 ? [request] : [])));
}
