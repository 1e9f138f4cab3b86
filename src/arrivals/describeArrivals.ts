import { describe, expect, test } from "vitest";
import { draws } from "../model/draw.ts";
import type { Arrivals } from "../model/workload.ts";

export interface ArrivalsExpectation {
  /** Requests per second in the long run; left out where there is no such thing. */
  readonly perSecond?: number;
}

/** What any arrivals must do: the shared suite for people who write them. */
export function describeArrivals(make: () => Arrivals, { perSecond }: ArrivalsExpectation = {}): void {
  const dueTimes = (count: number, seed: number) => make().dueTimes(count, draws(seed, "arrivals"));

  describe(`arrivals ${make().kind}`, () => {
    test("there is exactly one due time for each request", () => {
      expect([0, 1, 2, 257].map((count) => dueTimes(count, 1).length)).toEqual([0, 1, 2, 257]);
    });

    test("due times are finite, from the start on, and ascend", () => {
      const due = dueTimes(2_000, 2);
      expect(due.filter((offset) => !Number.isFinite(offset) || offset < 0)).toEqual([]);
      expect([...due].sort((one, other) => one - other)).toEqual(due);
    });

    test("the same seed gives the same due times, also from another instance", () => {
      expect(dueTimes(500, 3)).toEqual(dueTimes(500, 3));
    });

    test("a longer schedule begins as the shorter one", () => {
      expect(dueTimes(500, 4).slice(0, 100)).toEqual(dueTimes(100, 4));
    });

    test("its options are plain data", () => {
      const { kind, options } = make();
      expect(kind).not.toBe("");
      expect(JSON.parse(JSON.stringify(options))).toEqual(options);
    });

    if (perSecond === undefined) return;
    test("the rate is what was asked for, within 5 % over 5,000 requests", () => {
      const due = dueTimes(5_000, 5);
      const rate = (due.length - 1) / ((due.at(-1) ?? 0) - (due[0] ?? 0));
      expect(Math.abs(rate / perSecond - 1)).toBeLessThan(0.05);
    });
  });
}
