import { expect, test } from "vitest";
import { record } from "./fixture.ts";
import { underWay } from "./underWay.ts";

const from = (sent: number, ended: number, block = 0) => record([[ended]], { sent, ended, block });

test("as many are under way as their times make together of the time from the first sent to the last ended", () => {
  expect(underWay([from(0, 4)])).toBe(1);
  expect(underWay([from(0, 2), from(2, 4)])).toBe(1);
  expect(underWay([from(0, 4), from(1, 3), from(2, 4)])).toBe(2);
  expect(underWay([from(0, 1), from(9, 10)])).toBe(0.2);
});

test("each block has a clock of its own, and what was not sent, or takes no time, is not under way", () => {
  expect(underWay([from(0, 4), from(0, 4, 1)])).toBe(1);
  const { sent: _, ...unsent } = from(0, 9);
  expect(underWay([from(0, 4), unsent])).toBeLessThan(1);
  expect([underWay([]), underWay([from(3, 3)])]).toEqual([0, 0]);
});
