import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Selection } from "./selection.ts";

test("each rank is what sorting gives, whatever the order, with equal values and weights", () => {
  const values = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 300 });
  const orders = fc.constantFrom<(all: Pair[]) => Pair[]>(
    (all) => all,
    (all) => all.sort(([a], [b]) => a - b),
    (all) => all.sort(([a], [b]) => b - a),
    (all) => [...all.sort(([a], [b]) => a - b), ...all.toReversed()],
  );
  fc.assert(
    fc.property(values, orders, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }), (unordered, inOrder, shares) => {
      const pairs = inOrder([...unordered]);
      const total = pairs.reduce((sum, [, weight]) => sum + weight, 0);
      const ranks = shares.map((share) => Math.max(1, Math.ceil(share * total))).sort((a, b) => a - b);
      const selection = selectionOf(pairs);
      expect(ranks.map((rank) => selection.atRank(rank))).toEqual(ranks.map((rank) => bySorting(pairs, rank)));
    }),
    { numRuns: 500 },
  );
});

test("no usual order of many values, equal ones among them, makes it go through them again and again", () => {
  const count = 200_000;
  const orders = {
    equal: () => 1,
    rising: (place: number) => place,
    falling: (place: number) => -place,
    peak: (place: number) => -Math.abs(place - count / 2),
    valley: (place: number) => Math.abs(place - count / 2),
    waves: (place: number) => place % 1_000,
  };
  for (const valueAt of Object.values(orders)) {
    const values = Float64Array.from({ length: count }, (_, place) => valueAt(place));
    const selection = new Selection({ seconds: values.slice(), weights: new Int32Array(count).fill(1) });
    expect(selection.atRank(count / 2)).toBe(values.sort()[count / 2 - 1]); // in vain, were it quadratic: 40 thousand million steps
  }
});

test("of nothing there is no rank", () => {
  expect(selectionOf([]).atRank(1)).toBeUndefined();
});

type Pair = readonly [value: number, weight: number];

function selectionOf(pairs: readonly Pair[]): Selection {
  return new Selection({ seconds: Float64Array.from(pairs, ([value]) => value), weights: Int32Array.from(pairs, ([, weight]) => weight) });
}

function bySorting(pairs: readonly Pair[], rank: number): number | undefined {
  let passed = 0;
  return [...pairs].sort(([a], [b]) => a - b).find(([, weight]) => (passed += weight) >= rank)?.[0];
}
