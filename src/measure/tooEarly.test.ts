import { expect, test } from "vitest";

import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { record } from "./fixture.ts";
import { tooEarly } from "./tooEarly.ts";

const cold = (sent: Seconds, first: Seconds, block = 0) => record([[first]], { due: sent, block, cache: "cold" });
const warm = (sent: Seconds, block = 0) => record([[sent + 1]], { due: sent, block, cache: "warm" });
const many = (count: number, sent: Seconds) => Array.from({ length: count }, () => warm(sent));

test("two of twenty warm requests may come before what they are to find again, three may not", () => {
  const [early, late] = [1, 9];
  expect(tooEarly([cold(0, 5), ...many(2, early), ...many(18, late)])).toBeUndefined();
  expect(tooEarly([cold(0, 5), ...many(3, early), ...many(17, late)])).toMatch(/^3 of 20 warm requests/);
});

test("a warm request is early when fewer than half of the cold ones sent before it, in its block, have their first token", () => {
  const isEarly = (...colds: readonly RequestRecord[]) => tooEarly([...colds, warm(5)]) !== undefined;
  expect(isEarly(cold(0, 4), cold(1, 6))).toBe(false);
  expect(isEarly(cold(0, 3), cold(0, 4), cold(1, 6), cold(1, 7), cold(2, 8))).toBe(true);
  expect(isEarly(cold(0, 3), cold(1, 10), cold(2, 4))).toBe(false); // whichever of them was answered first
  expect(isEarly(cold(0, 4), cold(6, 7), cold(6, 8))).toBe(false);
  expect(isEarly(cold(0, 4, 1), cold(0, 6))).toBe(true);
  expect(isEarly(cold(5, 7))).toBe(true); // warm ones of the same moment follow the cold ones
});
