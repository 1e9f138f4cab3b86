import type { Request } from "../model/request.ts";
import type { Turn, Turns } from "./phase.ts";
import { ownReplies } from "./ownReplies.ts";
import { PlacesByRequest } from "./placesByRequest.ts";

/** The places of those that follow a turn. Of a hundred thousand turns most have one at most, which needs no list. */
type Followers = number | number[] | undefined;

/** Who waits for whom in a phase: everybody is a place in it. */
export interface Links {
  /** Of each turn those that are sent after its end, or with its reply. */
  readonly followers: readonly Followers[];
  /** Of each turn how many it waits for. */
  readonly waitsFor: Uint32Array;
  /** Of those whose prompts have own replies as parts: whose. */
  readonly contains: ReadonlyMap<number, readonly number[]>;
  readonly isContained: ReadonlySet<number>;
  /** Those that wait for a request that is not in the phase, or for one that waits for them. */
  readonly strays: ReadonlySet<number>;
}

export function linksOf(turns: Turns): Links {
  const followers = Array.from<Followers>({ length: turns.length });
  const waitsFor = new Uint32Array(turns.length);
  const contains = new Map<number, readonly number[]>();
  const strays = new Set<number>();
  let places: PlacesByRequest | undefined; // where nobody waits for another one, nobody asks
  let isInOrder = true;
  for (let place = 0; place < turns.length; place++) {
    const turn = turns.at(place) as Turn; // there are as many
    const { request } = turn;
    const replies = ownReplies(request);
    const awaited = awaitedBy(request, replies).map((id) => (places ??= new PlacesByRequest(turns)).of(turn, id));
    if (!awaited.every((before) => before !== undefined)) {
      strays.add(place);
      continue;
    }
    waitsFor[place] = awaited.length;
    for (const before of awaited) {
      followers[before] = withOneMore(followers[before], place);
      isInOrder &&= before < place;
    }
    if (replies.length > 0) contains.set(place, awaited.slice(-replies.length));
  }
  // Who waits only for those before it is in no circle.
  if (!isInOrder) for (const place of inCircles(followers, waitsFor)) strays.add(place);
  return { followers, waitsFor, contains, isContained: new Set([...contains.values()].flat()), strays };
}

function listOf(followers: Followers): readonly number[] {
  return typeof followers === "number" ? [followers] : (followers ?? none);
}

const none: readonly number[] = [];

function withOneMore(followers: Followers, place: number): Followers {
  if (followers === undefined) return place;
  if (typeof followers === "number") return [followers, place];
  followers.push(place);
  return followers;
}

/** Those whose own replies its prompt contains come last. */
function awaitedBy({ arrival }: Request, replies: readonly number[]): readonly number[] {
  return arrival.kind === "after" && !replies.includes(arrival.request) ? [arrival.request, ...replies] : replies;
}

/** Those that nobody's end can ever set free. */
function inCircles(followers: readonly Followers[], waitsFor: Uint32Array): readonly number[] {
  const left = waitsFor.slice();
  const placesWhere = (isMeant: (left: number) => boolean) => [...left.keys()].filter((place) => isMeant(left[place] ?? 0));
  const free = placesWhere((count) => count === 0);
  for (let next = 0; next < free.length; next++) {
    for (const follower of listOf(followers[free[next] ?? 0])) {
      left[follower] = (left[follower] ?? 0) - 1;
      if (left[follower] === 0) free.push(follower);
    }
  }
  return placesWhere((count) => count > 0);
}
