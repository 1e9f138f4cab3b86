import { expect, test } from "vitest";

import { draws } from "./draw.ts";

const seeds = Array.from({ length: 1_000 }, (_, seed) => seed);

test("the same seed and name draw the same, another seed or name something else", () => {
  const first = (seed: number, name: string) => draws(seed, name)();
  expect(first(7, "arrivals")).toBe(first(7, "arrivals"));
  expect(new Set([first(7, "arrivals"), first(8, "arrivals"), first(7, "passages"), first(2 ** 32 - 1, "arrivals")]).size).toBe(4);
});

// Both bounds are passed once in a thousand by chance; what is drawn here is always the same.
test.each([0, 1, 2, 9])("draw %d is uniform over small seeds, and those of neighbours have nothing to do with each other", (place) => {
  const values = seeds.map((seed) => nth(place, seed));
  expect(distanceFromUniform(values) * Math.sqrt(values.length)).toBeLessThan(1.95);
  const alike = values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * ((values[i] ?? 0) - 0.5), 0);
  expect(Math.abs(alike) / (Math.sqrt(values.length) / 12)).toBeLessThan(3.3);
});

function nth(place: number, seed: number): number {
  const draw = draws(seed, "arrivals");
  for (let i = 0; i < place; i++) draw();
  return draw();
}

/** As Kolmogorov and Smirnov measure it: the largest difference between how many are below a value and how many should be. */
function distanceFromUniform(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.max(...sorted.map((value, i) => Math.max((i + 1) / sorted.length - value, value - i / sorted.length)));
}
