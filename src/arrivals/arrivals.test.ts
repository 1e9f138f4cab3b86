import { expect, test } from "vitest";
import { draws } from "../model/draw.ts";
import { atOnce } from "./atOnce.ts";
import { every } from "./every.ts";
import { poisson } from "./poisson.ts";

const draw = draws(1, "arrivals");

test("every 8 seconds is 0, 8, 16, and a later start moves all of them", () => {
  expect(every({ seconds: 8 }).dueTimes(3, draw)).toEqual([0, 8, 16]);
  expect(every({ seconds: 8, startAfter: 2.5 }).dueTimes(3, draw)).toEqual([2.5, 10.5, 18.5]);
});

test("at once is at the start", () => {
  expect(atOnce().dueTimes(3, draw)).toEqual([0, 0, 0]);
});

test("Poisson gaps are exponential: a share of 1/e is longer than the mean, 1/e² than twice the mean", () => {
  const due = poisson({ perSecond: 10 }).dueTimes(20_000, draws(7, "arrivals"));
  const gaps = due.map((at, index) => at - (due[index - 1] ?? 0));
  const shareAbove = (length: number) => gaps.filter((gap) => gap > length).length / gaps.length;
  expect(Math.abs(shareAbove(0.1) - 0.368)).toBeLessThan(0.01);
  expect(Math.abs(shareAbove(0.2) - 0.135)).toBeLessThan(0.01);
});

test("another seed gives other Poisson times", () => {
  const arrivals = poisson({ perSecond: 10 });
  expect(arrivals.dueTimes(3, draws(1, "arrivals"))).not.toEqual(arrivals.dueTimes(3, draws(2, "arrivals")));
});

test("mistakes in options are told with what is allowed", () => {
  expect(() => every({ seconds: 0 })).toThrow("every(): seconds must be a number above 0, not 0");
  // @ts-expect-error the option is misspelt
  expect(() => poisson({ perSecnd: 1 })).toThrow(
    'poisson(): there is no option "perSecnd", did you mean "perSecond"?; perSecond is missing',
  );
});
