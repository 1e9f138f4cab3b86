import { expect, test } from "vitest";
import { draws, type Draw } from "../model/draw.ts";
import { atOnce } from "./atOnce.ts";
import { closedLoop } from "./closedLoop.ts";
import { every } from "./every.ts";
import type { Arrivals } from "../model/workload.ts";
import { poisson } from "./poisson.ts";

const draw = draws(1, "arrivals");

function offsets(arrivals: Arrivals, count: number, from: Draw): readonly number[] {
  return arrivals.schedule(count, from).map((arrival) => (arrival.kind === "at" ? arrival.offset : NaN));
}

test("every 8 seconds is 0, 8, 16, and a later start moves all of them", () => {
  expect(offsets(every({ seconds: 8 }), 3, draw)).toEqual([0, 8, 16]);
  expect(offsets(every({ seconds: 8, startAfter: 2.5 }), 3, draw)).toEqual([2.5, 10.5, 18.5]);
});

test("at once is at the start", () => {
  expect(offsets(atOnce(), 3, draw)).toEqual([0, 0, 0]);
});

test("in a closed loop of two, requests 0 and 1 start it, 2 follows 0, 3 follows 1, each after the time to think", () => {
  expect(closedLoop({ concurrency: 2, thinkSeconds: 1.5 }).schedule(4, draw)).toEqual([
    { kind: "at", offset: 0 },
    { kind: "at", offset: 0 },
    { kind: "after", request: 0, pause: 1.5 },
    { kind: "after", request: 1, pause: 1.5 },
  ]);
});

test("Poisson gaps are exponential: a share of 1/e is longer than the mean, 1/e² than twice the mean", () => {
  const due = offsets(poisson({ perSecond: 10 }), 20_000, draws(7, "arrivals"));
  const gaps = due.map((at, index) => at - (due[index - 1] ?? 0));
  const shareAbove = (length: number) => gaps.filter((gap) => gap > length).length / gaps.length;
  expect(Math.abs(shareAbove(0.1) - 0.368)).toBeLessThan(0.01);
  expect(Math.abs(shareAbove(0.2) - 0.135)).toBeLessThan(0.01);
});

test("another seed gives other Poisson times", () => {
  const arrivals = poisson({ perSecond: 10 });
  expect(arrivals.schedule(3, draws(1, "arrivals"))).not.toEqual(arrivals.schedule(3, draws(2, "arrivals")));
});

test("mistakes in options are told with what is allowed", () => {
  expect(() => every({ seconds: 0 })).toThrow("every(): seconds must be a number above 0, not 0");
  expect(() => every({ seconds: 1e-7 })).toThrow("every(): seconds must leave at most 1,000,000 requests a second, not 1e-7");
  expect(every({ seconds: 1e-6 }).phrase).toBe("one every 0.000001 s");
  expect(() => poisson({ perSecond: 0 })).toThrow("poisson(): perSecond must be a number above 0, not 0");
  expect(() => poisson({ perSecond: 1e7 })).toThrow("poisson(): perSecond must be at most 1,000,000, not 10000000");
  expect(poisson({ perSecond: 1_000_000 }).kind).toBe("poisson");
  // @ts-expect-error the option is misspelt
  expect(() => poisson({ perSecnd: 1 })).toThrow(
    'poisson(): there is no option "perSecnd", did you mean "perSecond"?; perSecond is missing',
  );
});
