import { expect, test } from "vitest";
import { BlockPool } from "./blockPool.ts";

/** A pool of four whose blocks 0 to 2 held "a prefix of three blocks" and are free again. */
function poolWithPrefix(): BlockPool {
  const pool = new BlockPool(4);
  const blocks = pool.take(3)!;
  blocks.forEach((block, index) => pool.remember(block, 100 + index));
  pool.release(blocks);
  return pool;
}

test("a free block is found again until it is taken for something else, and the tail of a prefix goes before its head", () => {
  const pool = poolWithPrefix();
  expect(pool.cachedPrefix([100, 101, 102], 3)).toEqual([0, 1, 2]);
  expect(pool.take(2)).toEqual([3, 2]);
  expect(pool.cachedPrefix([100, 101, 102], 3)).toEqual([0, 1]);
  expect(pool.take(1)).toEqual([1]);
  expect(pool.cachedPrefix([100, 101, 102], 3)).toEqual([0]);
});

test("a shared block is in use as long as one of its users is", () => {
  const pool = poolWithPrefix();
  const first = pool.take(0, [0, 1])!;
  const second = pool.take(1, [0, 1])!;
  expect(pool.free).toBe(1);
  pool.release(first);
  expect(pool.free).toBe(1);
  pool.release(second);
  expect(pool.free).toBe(4);
});

test("taking more than is free takes nothing, cached blocks that nobody uses included in the count", () => {
  const pool = poolWithPrefix();
  expect(pool.take(3, [0, 1])).toBeUndefined();
  expect(pool.free).toBe(4);
  expect(pool.take(2, [0, 1])).toEqual([0, 1, 3, 2]);
});

test("of two blocks with one content the first is found", () => {
  const pool = new BlockPool(2);
  const [one, other] = pool.take(2)!;
  pool.remember(one!, 7);
  pool.remember(other!, 7);
  expect(pool.cachedPrefix([7], 1)).toEqual([one]);
});

test("a reset forgets everything, but not while a block is in use", () => {
  const pool = poolWithPrefix();
  const blocks = pool.take(1)!;
  expect(pool.reset()).toBe(false);
  pool.release(blocks);
  expect(pool.reset()).toBe(true);
  expect(pool.cachedPrefix([100], 1)).toEqual([]);
});
