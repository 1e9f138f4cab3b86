import { expect, test } from "vitest";
import { draws, type Draw } from "../model/draw.ts";
import { independentOf, widened } from "./likeness.ts";

/** Each is `alike` times the one before it, and for the rest by chance: as many as (1 − alike) / (1 + alike) of them are independent. */
function chained(count: number, alike: number, draw: Draw): Float64Array {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = alike * (values[i - 1] ?? 0) + (draw() - 0.5);
  return values;
}

test.each([
  [0, 400, 1],
  [0.5, 400, 1 / 3],
  [0.8, 1_000, 1 / 9],
  [0.8, 50_000, 1 / 9],
  [0.95, 200_000, 1 / 39],
])("of values that are %d alike, %d tell as much as %d of them", (alike, count, share) => {
  const found = independentOf(chained(count, alike, draws(3, `${alike} ${count}`))) / count;
  expect(found / share).toBeGreaterThan(0.6);
  expect(found / share).toBeLessThan(1.6);
});

test("what alternates, or never changes, is not less than what there is; and there are never fewer than two", () => {
  expect(independentOf(Float64Array.from({ length: 40 }, (_, i) => i % 2))).toBe(40);
  expect(independentOf(new Float64Array(10).fill(0.3))).toBe(10);
  expect(independentOf(Float64Array.of(1))).toBe(1);
  expect(independentOf(new Float64Array())).toBe(0);
  expect(independentOf(Float64Array.from({ length: 30 }, (_, i) => i))).toBeGreaterThanOrEqual(2);
});

test("two levels, as two blocks of an engine that was started anew have them, tell as much as a few values", () => {
  const levels = Float64Array.from({ length: 60 }, (_, i) => (i < 30 ? 1 : 2) + 0.01 * Math.sin(7 * i));
  expect(independentOf(levels)).toBeLessThan(6);
});

test("an interval is widened about its mean, and left as it is where values are independent", () => {
  const independent = Float64Array.of(4, 1, 7, 2, 6, 3, 5);
  expect(widened([3, 5], 4, independent)).toEqual([3, 5]);
  const [low, high] = widened([3.5, 4.25], 4, Float64Array.of(1, 2, 3, 4, 5, 6, 7));
  expect((4 - low) / (high - 4)).toBeCloseTo(2, 9);
  expect(high - low).toBeGreaterThan(2);
});
