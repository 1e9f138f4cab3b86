import { describe, expect, test } from "vitest";
import { plainData } from "../model/checkOptions.ts";
import { draws } from "../model/draw.ts";
import type { Arrival } from "../model/request.ts";
import type { Arrivals } from "../model/workload.ts";

export interface ArrivalsExpectation {
  /** Requests per second in the long run; left out where there is no such thing. */
  readonly perSecond?: number;
}

/** What any arrivals must do: the shared suite for people who write them. */
export function describeArrivals(make: () => Arrivals, { perSecond }: ArrivalsExpectation = {}): void {
  const schedule = (count: number, seed: number) => make().schedule(count, draws(seed, "arrivals"));
  const offsets = (count: number, seed: number) => schedule(count, seed).flatMap(offsetOf);

  describe(`arrivals ${make().kind}`, () => {
    test("there is exactly one arrival for each request", () => {
      expect([0, 1, 2, 257].map((count) => schedule(count, 1).length)).toEqual([0, 1, 2, 257]);
    });

    test("due times are finite, from the start on, and ascend", () => {
      const due = offsets(2_000, 2);
      expect(due.filter((offset) => !Number.isFinite(offset) || offset < 0)).toEqual([]);
      expect([...due].sort((one, other) => one - other)).toEqual(due);
    });

    test("what is due after another request follows one that comes before it, no sooner than that has ended", () => {
      const following = schedule(2_000, 2).flatMap((arrival, index) => (arrival.kind === "after" ? [{ ...arrival, index }] : []));
      expect(following.filter(({ request, pause, index }) => request < 0 || request >= index || !(pause >= 0))).toEqual([]);
    });

    test("the same seed gives the same schedule, from another instance and from the same one asked again", () => {
      const arrivals = make();
      const again = [1, 2].map(() => arrivals.schedule(500, draws(3, "arrivals")));
      expect(again).toEqual([schedule(500, 3), schedule(500, 3)]);
    });

    test("a longer schedule begins as the shorter one", () => {
      expect(schedule(500, 4).slice(0, 100)).toEqual(schedule(100, 4));
    });

    test("pages can say what it is: its options are texts, numbers, true and false, its phrase has words", () => {
      const { kind, options, phrase = kind } = make();
      expect([kind, phrase].filter((words) => words.trim() === "" || /undefined|NaN/.test(words))).toEqual([]);
      expect(plainData(options)).toBe(undefined);
      expect(JSON.parse(JSON.stringify(options))).toEqual(options);
    });

    if (perSecond === undefined) return;
    test("the rate is what was asked for, within 5 % over 5,000 requests", () => {
      const due = offsets(5_000, 5);
      const rate = (due.length - 1) / ((due.at(-1) ?? 0) - (due[0] ?? 0));
      expect(Math.abs(rate / perSecond - 1)).toBeLessThan(0.05);
    });
  });
}

function offsetOf(arrival: Arrival): readonly number[] {
  return arrival.kind === "at" ? [arrival.offset] : [];
}
