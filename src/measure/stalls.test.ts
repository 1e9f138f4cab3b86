import { expect, test } from "vitest";

import type { Reading } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { stallsOf } from "./stalls.ts";

/** Of an experiment from 10 s to `to`, and how long was stood still in the seconds that ended at those times. */
function shareOf(to: Seconds, ...stalled: readonly (readonly [at: Seconds, value: Seconds])[]): number | undefined {
  const readings = stalled.map(([at, value]) => reading("event-loop-stalled-seconds", at, value));
  return stallsOf({ readings, span: { from: 10e9, to: to * 1e9 } })?.share;
}

function reading(series: string, at: Seconds, value: Seconds): Reading {
  return { at: at * 1e9, series, of: "harness/1", value };
}

test("of a second in which a thread stood still twice both count, and of an older journal, which has only the longest, that one", () => {
  const longest = [reading("event-loop-delay-max-seconds", 11, 0.25), reading("event-loop-delay-max-seconds", 12, 0.09)];
  const stalled = [reading("event-loop-stalled-seconds", 11, 0.5), reading("event-loop-stalled-seconds", 12, 0)];
  const span = { from: 10e9, to: 20e9 };
  expect(stallsOf({ readings: [...longest, ...stalled], span })).toEqual({ seconds: 0.5, share: 0.05 });
  expect(stallsOf({ readings: longest, span })).toEqual({ seconds: 0.25, share: 0.025 });
});

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

test("of several threads the one that stood still for longest counts, and the main thread, which measures nothing, does not", () => {
  const of = (thread: string, value: Seconds) => ({ ...reading("event-loop-stalled-seconds", 12, value), of: thread });
  const readings = [of("harness/1", 0.2), of("harness/2", 0.3), of("harness", 1)];
  expect(stallsOf({ readings, span: { from: 10e9, to: 20e9 } })?.seconds).toBe(0.3);
});

test("a tenth of a second is the shortest that counts", () => {
  expect([0.1, 0.099].map((value) => shareOf(20, [12, value]))).toEqual([0.01, 0]);
});
