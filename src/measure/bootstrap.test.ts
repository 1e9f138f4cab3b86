import * as fc from "fast-check";
import { expect, test } from "vitest";
import { draws } from "../model/draw.ts";
import type { Interval } from "../model/figures.ts";
import { bootstrapInterval } from "./bootstrap.ts";

// scipy 1.17.1, stats.bootstrap(…, np.mean, method="percentile", n_resamples=1_000_000) at the expanded level: 1 - 2 * norm.cdf(-sqrt(n / (n - 1)) * t).
const known = [
  { values: [-0.08, -0.02, 0.01, 0.03, 0.05, 0.12], interval: [-0.05, 0.09], within: 0.0035 },
  { values: [0.7, 0.72, 0.69, 0.74, 0.71, 0.7, 0.73, 0.68, 0.75, 0.66], interval: [0.688, 0.728], within: 0.0015 },
] as const;

test.each(known)("the interval of the mean of $values is scipy's $interval", ({ values, interval, within }) => {
  const found = intervalOf(values);
  expect(Math.abs(found[0] - interval[0])).toBeLessThan(within);
  expect(Math.abs(found[1] - interval[1])).toBeLessThan(within);
});

test("the interval of values that are not alike on both sides of their mean is not, either: none of them is below 1", () => {
  const [low, high] = intervalOf([1, 1, 1, 1, 1, 9]);
  expect(low).toBe(1);
  expect(high).toBeGreaterThan(4);
});

test("the same values and seed give the same interval to the last bit", () => {
  expect(intervalOf([1, 2, 3, 5, 8, 13])).toEqual(intervalOf([1, 2, 3, 5, 8, 13]));
});

test("from 500 values on it is computed, and hardly differs from the drawn one", () => {
  const draw = draws(3, "values");
  const values = Array.from({ length: 500 }, () => draw() - 0.5);
  const [drawn, computed] = [intervalOf(values.slice(1)), intervalOf(values)];
  // Half a width is about 0.025; what ten thousand resamples leave open is a few per cent of it.
  expect(Math.abs(drawn[0] - computed[0])).toBeLessThan(0.001);
  expect(Math.abs(drawn[1] - computed[1])).toBeLessThan(0.001);
});

test("values that are all alike have an interval of no width", () => {
  const [low, high] = intervalOf(Array<number>(9).fill(Math.log(1.1)));
  expect(high - low).toBeLessThan(1e-12);
});

test("the interval contains the mean", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 6, maxLength: 30 }), (values) => {
      const mean = meanOf(values);
      const [low, high] = intervalOf(values);
      expect(low).toBeLessThanOrEqual(mean);
      expect(high).toBeGreaterThanOrEqual(mean);
    }),
    { numRuns: 20 },
  );
});

test("a single value has none", () => {
  expect(bootstrapInterval(Float64Array.of(1), 1, draws(0, ""))).toBeUndefined();
});

function intervalOf(values: readonly number[]): Interval {
  const interval = bootstrapInterval(Float64Array.from(values), meanOf(values), draws(1, "test"));
  return interval ?? [Number.NaN, Number.NaN];
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
