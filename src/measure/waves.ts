import type { RequestRecord } from "../model/record.ts";
import { firstToken } from "./latency.ts";
import { pairOf } from "./pairs.ts";

/**
 * Which wave each request of two engines came in, by the number of the pair. What befalls a burst befalls all of it, so that no number of requests
 * within one tells by how much bursts differ. Of one wave are those of a block that are due in the same instant; those that follow them, each its
 * own, as the next requests of a closed loop's users do; and all of a block's, where on both engines the last is due before any has its first token.
 */
export function wavesOf(base: readonly RequestRecord[], other: readonly RequestRecord[]): ReadonlyMap<number, number> {
  const of = new Map<number, number>();
  const ofOther = Map.groupBy(other, (record) => record.block);
  let count = 0;
  for (const [block, own] of Map.groupBy(base, (record) => record.block)) {
    const isBurst = isOneBurst(own) && isOneBurst(ofOther.get(block) ?? []);
    const waves = isBurst ? new Map(own.map(({ request }) => [request, 0])) : wavesOfBlock(own);
    for (const [request, wave] of waves) of.set(pairOf({ block, request }), count + wave);
    count += new Set(waves.values()).size;
  }
  return of;
}

/** By request, in the order in which they fall due: waves are numbered from 0. `due` of one that follows another may be unknown yet. */
export function wavesOfBlock(block: readonly Pick<RequestRecord, "request" | "after" | "due">[]): ReadonlyMap<number, number> {
  const [of, atInstant, following] = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
  for (const { request, after, due } of block.toSorted((one, other) => one.due - other.due || one.request - other.request)) {
    const before = after === undefined ? undefined : of.get(after);
    const [waves, key] = before === undefined ? [atInstant, due] : [following, before];
    const wave = waves.get(key) ?? atInstant.size + following.size;
    waves.set(key, wave);
    of.set(request, wave);
  }
  return of;
}

function isOneBurst(block: readonly RequestRecord[]): boolean {
  let [latest, earliest] = [-Infinity, Infinity];
  for (const record of block) {
    latest = Math.max(latest, record.due);
    earliest = Math.min(earliest, firstToken(record) ?? Infinity);
  }
  return latest < earliest;
}
