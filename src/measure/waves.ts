import type { RequestRecord } from "../model/record.ts";
import type { Nanoseconds } from "../model/time.ts";
import { firstToken } from "./latency.ts";
import { pairOf } from "./pairs.ts";

export interface Waves {
  /** By the number of a pair. */
  readonly of: ReadonlyMap<number, number>;
  readonly count: number;
}

/**
 * Which wave each of an engine's requests came in. What befalls a burst befalls all of it, so that no number of requests within
 * one tells by how much bursts differ. Of one wave are those of a block that are due in the same instant; those that follow them, each its own,
 * as the next requests of a closed loop's users do; and all of a block's, where the last is due before any has had its first token.
 */
export function wavesOf(records: readonly RequestRecord[]): Waves {
  const inOrder = records.toSorted((one, other) => one.block - other.block || one.due - other.due || one.request - other.request);
  const of = new Map<number, number>();
  const following = new Map<number, number>();
  let count = 0;
  for (const block of Map.groupBy(inOrder, (record) => record.block).values()) {
    const instants = new Map<Nanoseconds, number>();
    const isBurst = isOneBurst(block);
    for (const record of block) {
      const { after, due } = record;
      const before = after === undefined ? undefined : of.get(pairOf({ block: record.block, request: after }));
      const wave = before === undefined ? known(instants, isBurst ? 0 : due, count) : known(following, before, count);
      of.set(pairOf(record), wave);
      count = Math.max(count, wave + 1);
    }
  }
  return { of, count };
}

/** What stands under a key; where there is nothing yet, what is to stand there from now on. */
function known(waves: Map<number, number>, key: number, otherwise: number): number {
  const found = waves.get(key);
  if (found === undefined) waves.set(key, otherwise);
  return found ?? otherwise;
}

function isOneBurst(block: readonly RequestRecord[]): boolean {
  let earliest = Infinity;
  for (const record of block) earliest = Math.min(earliest, firstToken(record) ?? Infinity);
  return (block.at(-1)?.due ?? 0) < earliest;
}
