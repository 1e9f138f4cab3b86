import { expect, test } from "vitest";

import type { Reading } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { stallsOf } from "./stalls.ts";

/** Of an experiment from 10 s to `to`, and the longest delays that were read at those times. */
function shareOf(to: Seconds, ...delays: readonly (readonly [at: Seconds, value: Seconds])[]): number | undefined {
  const readings = delays.map(([at, value]): Reading => ({ at: at * 1e9, series: "event-loop-delay-max-seconds", of: "harness/1", value }));
  return stallsOf({ readings, span: { from: 10e9, to: to * 1e9 } })?.share;
}

test("a stall that began before the experiment counts from its beginning on", () => {
  expect(shareOf(20, [11, 3])).toBeCloseTo(0.1, 9);
  expect(shareOf(20, [13.5, 3])).toBeCloseTo(0.3, 9);
  expect(shareOf(20, [9.9, 3])).toBe(0);
});

test("no more of an experiment stands still than all of it, however short it is and however many stalls are about it", () => {
  expect(shareOf(10.2, [10.4, 3])).toBe(1);
  expect(shareOf(10.5, [10.4, 3], [11.4, 0.3])).toBe(1);
});

test("an experiment that takes no time has no share of it", () => {
  expect(shareOf(10, [10.4, 3])).toBeUndefined();
});
