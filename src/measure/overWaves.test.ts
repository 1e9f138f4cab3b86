import * as fc from "fast-check";
import { expect, test } from "vitest";

import { draws, type Draw } from "../model/draw.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { intervalOfMean } from "./intervalOfMean.ts";
import { independentOf } from "./likeness.ts";
import { inCompany, independentPairs, intervalOverWaves, overWaves, type OverWaves } from "./overWaves.ts";

const drawn = (values: Float64Array, middle: number) => bootstrapInterval(values, middle, draws(1, "test"));

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

test("pairs that came one by one are their own waves, and those of one wave are a single value", () => {
  const logs = Float64Array.of(1, 2, 6);
  expect(overWaves(logs, [0, 1, 2], 3)).toEqual({ values: logs, even: 3 });
  expect(overWaves(logs, [4, 4, 4], 3)).toEqual({ values: Float64Array.of(3), even: 1 });
});

test("each wave is held against the mean of the others, and their mean is that of the pairs", () => {
  // Off the mean of 2 by -2 and 2 in all. The first has two of three pairs: without it there is one, without the second there are two.
  expect(overWaves(Float64Array.of(1, 1, 4), [0, 0, 1], 2)).toEqual({ values: Float64Array.of(0.5, 3.5), even: 9 / 5 });
  const ofOneSize = overWaves(Float64Array.of(1, 3, 4, 6, 7, 9), [0, 0, 1, 1, 2, 2], 5);
  expect(ofOneSize).toEqual({ values: Float64Array.of(2, 5, 8), even: 3 });
  const unlike = overWaves(Float64Array.of(0, 1, 1, 2, 5, 5, 7), [0, 1, 1, 1, 2, 2, 2], 3);
  expect(mean(unlike.values)).toBeCloseTo(3, 12);
  expect(unlike.even).toBe(49 / 19);
});

test("an interval over waves of unlike sizes is as much wider as fewer even waves would make it", () => {
  const values = Float64Array.of(3, -1, 2, -2, 1, -3);
  const [low, high] = intervalOverWaves({ values, even: 6 }, 0, drawn) ?? [0, 0];
  const [lower, higher] = intervalOverWaves({ values, even: 2.6 }, 0, drawn) ?? [0, 0];
  // Student's t of 5 degrees of freedom is 2.570582, of 2 it is 4.302653.
  for (const [few, many] of [
    [lower, low],
    [higher, high],
  ] as const) {
    expect(many).not.toBe(0);
    expect(few / many).toBeCloseTo(4.302_653 / 2.570_582, 5);
  }
});

test("an interval over waves of which neighbours are alike is wider than of others", () => {
  const waves = { values: Float64Array.of(3, 2, 1, -1, -2, -3), even: 6 };
  const alone = drawn(waves.values.toSorted(), 0) ?? [0, 0];
  const [low, high] = intervalOverWaves(waves, 0, drawn) ?? [0, 0];
  expect(low).toBeLessThan(1.2 * alone[0]);
  expect(high).toBeGreaterThan(1.2 * alone[1]);
});

test("pairs of waves count as many independent ones as make their mean as certain, and no more than there are", () => {
  const logs = Float64Array.of(2, 4, -2, -4, 2, 4, -2, -4);
  const waves = overWaves(logs, [0, 0, 1, 1, 2, 2, 3, 3], 0);
  expect(waves.values).toEqual(Float64Array.of(3, -3, 3, -3));
  // Variances of 80/7 and 12: four waves are worth 4 × 80/84 pairs.
  expect(independentPairs(logs, waves)).toBeCloseTo((4 * 80) / 84, 12);
  expect(independentPairs(logs, overWaves(logs, [0, 1, 2, 3, 4, 5, 6, 7], 0))).toBe(independentOf(logs));
  const alike = Float64Array.of(2, -2, 2.1, -2.1, 2, -2, 2.2, -2.2);
  expect(independentPairs(alike, { values: Float64Array.of(0.01, -0.01, 0.01, -0.01), even: 4 })).toBe(8);
  expect(independentPairs(alike, overWaves(alike, [0, 0, 1, 1, 2, 2, 3, 3], 0))).toBe(4);
});

/** Like ±0.5 from one to the next, and slowly up and down by `slow`. */
const hidden = (count: number, slow: number, draw: Draw) =>
  Float64Array.from({ length: count }, (_, place) => slow * Math.sin(place / 12) + draw() - 0.5);

test("where what requests under way together share shows in their averages, those take the values' place, and their mean is the same", () => {
  const values = hidden(125, 0.3, draws(2, "hidden"));
  const averages = inCompany({ values, even: 125 }, 10);
  expect(averages.values.length).toBe(12);
  expect(averages.even).toBe(12);
  expect(mean(averages.values)).toBeCloseTo(mean(values), 12);
  const secondAndFirst = mean(values.subarray(10, 21)) - mean(values.subarray(0, 10));
  expect(averages.values[1]! - averages.values[0]!).toBeCloseTo(secondAndFirst, 12);
  expect(inCompany({ values, even: 5 }, 10).even).toBe(5);
  expect(inCompany({ values, even: 125 }, 100).values.length).toBe(6);
  expect(inCompany({ values, even: 125 }, 1.4).values).toBe(values);
  const rising = (count: number) => ({ values: Float64Array.from({ length: count }, (_, place) => place), even: count });
  expect([11, 12, 13].map((count) => inCompany(rising(count), 5).values.length)).toEqual([11, 12, 6]);
});

function widthOf(over: OverWaves, by = intervalOfMean): number {
  const [low, high] = intervalOverWaves(over, mean(over.values), by) ?? [NaN, NaN];
  return high - low;
}

test("no interval becomes narrower for it, however alike neighbours are, and however unlike the sizes of waves", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 12, max: 100 }),
      fc.double({ min: 0, max: 60, noNaN: true }),
      fc.double({ min: 0, max: 0.98, noNaN: true }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      (seed, count, underWay, alike, evenness) => {
        const draw = draws(seed, "alike");
        const values = new Float64Array(count);
        for (let i = 0; i < count; i++) values[i] = alike * (values[i - 1] ?? 0) + draw() - 0.5;
        const alone = { values, even: Math.max(2, count * evenness) };
        expect(widthOf(inCompany(alone, underWay))).toBeGreaterThanOrEqual(widthOf(alone) * (1 - 1e-9));
      },
    ),
    { numRuns: 2_000 },
  );
});

test("nor does one by bootstrap, where a few values are far off and Student's t of the averages is the wider one", () => {
  const draw = draws(5, "far off");
  for (let trial = 0; trial < 100; trial++) {
    let slow = 0;
    const far = () => (slow = 0.5 * slow + (draw() - 0.5) * Math.exp(6 * draw()));
    const alone = { values: Float64Array.from({ length: 20 + trial }, far), even: 20 + trial };
    expect(widthOf(inCompany(alone, 10, drawn), drawn)).toBeGreaterThanOrEqual(widthOf(alone, drawn));
  }
});

test("values that are all alike stay as they are: roundings are nothing that requests share", () => {
  for (const underWay of [2, 3, 40]) {
    const values = new Float64Array(120).fill(1 / 3);
    const together = inCompany({ values, even: 120 }, underWay);
    expect(together.values).toBe(values);
    expect(independentPairs(values, together)).toBe(120);
  }
});

test("what neighbours do not share does not widen an interval: of independent values averages take the place in few runs", () => {
  const draw = draws(3, "independent");
  const taken = Array.from({ length: 300 }, () => inCompany({ values: hidden(200, 0, draw), even: 200 }, 10)).filter(
    ({ even }) => even < 200,
  );
  // Above 1 by 1.5 standard errors is a chi-squared of 20 averages in 8 % of runs, by 4 in 0.1 %.
  expect(taken.length).toBeGreaterThan(9);
  expect(taken.length).toBeLessThan(35);
});
