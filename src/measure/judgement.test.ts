import { expect, test } from "vitest";

import type { Interval } from "../model/figures.ts";
import { judgementOf, type Found } from "./judgement.ts";

/** Of sixty pairs whose mean lies in the middle of their interval. */
function judged(interval: Interval | undefined, rest: Partial<Found["difference"]> = {}) {
  const [low, high] = interval ?? [0, 0];
  const difference = { mean: (low + high) / 2, interval, pairs: 60, waves: 60, margin: 0.05, why: "margin", practical: 0.05, ...rest };
  return judgementOf("ttft", { base: [], other: [] }, { difference, onBoth: difference.pairs });
}

// A ratio of 1.05 has a logarithm of 0.04879.
test.each([
  [[-0.0487, 0.0487], "equivalent"],
  [[0.02, 0.0487], "equivalent"],
  [[-0.0489, 0.04], "inconclusive"],
  [[-0.04, 0.0489], "inconclusive"],
  [[0.0487, 0.09], "inconclusive"],
  [[-0.09, -0.0487], "inconclusive"],
  [[0.0489, 0.09], "better"],
  [[-0.09, -0.0489], "worse"],
] as const)("all of an interval decides, against a margin of a twentieth: %j is %s", (interval, verdict) => {
  expect(judged(interval).verdict).toBe(verdict);
});

test("more pairs are asked for only where they may end in a verdict: not below a margin that would hide what is looked for", () => {
  const harness = { margin: 0.13, why: "harness's own error" };
  const [within, beyond] = [judged([-0.1, 0.14], harness), judged([0.1, 0.2], harness)];
  expect([within, beyond].map(({ verdict, morePairs }) => [verdict, morePairs !== undefined])).toEqual([
    ["inconclusive", false],
    ["inconclusive", true],
  ]);
});

test("six waves of which one has most of the pairs are told as that, and not as too few", () => {
  expect(judged(undefined, { waves: 6 }).reason).toMatch(/^one of the 6 waves has most of the pairs/);
  expect(judged(undefined, { waves: 5 }).reason).toMatch(/^a verdict needs at least 6 waves/);
});
