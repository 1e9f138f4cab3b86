import * as fc from "fast-check";
import { expect, test } from "vitest";
import { gapsAtRanks } from "./gapRanks.ts";

test("each rank is what sorting gives: equal gaps, ones a billionth apart, none at all, and clocks that ran backwards", () => {
  const base = fc.constantFrom(0, 1e-9, 3e-7, 0.02, 1.5, 7e4, -0.02, -1e-9);
  const apart = fc.constantFrom(0, 1e-12, 1e-11, 3e-9, 1e-4);
  const gap = fc.oneof(
    fc.double({ min: -1, max: 100, noNaN: true }),
    fc.tuple(base, apart).map(([one, other]) => one + other),
  );
  const pairs = fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(pairs, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }), (all, shares) => {
      const total = all.reduce((sum, [, weight]) => sum + weight, 0);
      const ranks = shares.map((share) => Math.max(1, Math.ceil(share * total))).sort((a, b) => a - b);
      // -0 and 0 are the same gap.
      expect(gapsAtRanks(gapsOf(all), ranks).map((value) => (value ?? NaN) + 0)).toEqual(ranks.map((rank) => bySorting(all, rank) + 0));
    }),
    { numRuns: 1_000 },
  );
});

test("no gap at all is one whatever its sign, beside one that is next to none", () => {
  expect(
    gapsAtRanks(
      gapsOf([
        [-0, 1],
        [Number.MIN_VALUE, 1],
      ]),
      [1, 2],
    ).map((value) => (value ?? NaN) + 0),
  ).toEqual([0, Number.MIN_VALUE]);
});

test("gaps of other streams do not count", () => {
  const { seconds, weights } = gapsOf([0.1, 0.2, 0.3, 0.4, 0.5].map((value): Pair => [value, 1]));
  const some = { seconds, weights, from: Int32Array.of(1, 4), to: Int32Array.of(3, 5), counts: Int32Array.of(2, 1) };
  expect(gapsAtRanks(some, [1, 2, 3])).toEqual([0.2, 0.3, 0.5]);
});

test("beyond all there is no rank, nor of nothing", () => {
  expect(gapsAtRanks(gapsOf([[1, 2]]), [3])).toEqual([undefined]);
  expect(gapsAtRanks(gapsOf([]), [1])).toEqual([undefined]);
});

type Pair = readonly [value: number, weight: number];

function gapsOf(pairs: readonly Pair[]) {
  return {
    seconds: Float64Array.from(pairs, ([value]) => value),
    weights: Int32Array.from(pairs, ([, weight]) => weight),
    from: Int32Array.of(0),
    to: Int32Array.of(pairs.length),
    counts: Int32Array.of(pairs.length),
  };
}

function bySorting(pairs: readonly Pair[], rank: number): number {
  let passed = 0;
  return [...pairs].sort(([a], [b]) => a - b).find(([, weight]) => (passed += weight) >= rank)?.[0] ?? NaN;
}
