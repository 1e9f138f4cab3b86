import { expect, test } from "vitest";
import { draws } from "../model/draw.ts";
import type { Comparison } from "../model/figures.ts";
import { falseByChance } from "./byChance.ts";
import { compare } from "./compare.ts";
import { answered, experimentOf } from "./fixture.ts";

const inconclusive = {
  experiment: 0,
  metric: "ttft",
  cache: "all",
  baseline: "plain",
  other: "cached",
  pairs: 9,
  verdict: "inconclusive",
} as const;
const within = (half: number, margin: number): Comparison => ({ ...inconclusive, margin, interval: [1 / (1 + half), 1 + half] });

test("one in twenty intervals misses the truth, and fewer by a margin: one standard error more is 0.3 %", () => {
  expect(falseByChance([within(0.1, 0)])).toBeCloseTo(0.05, 4);
  expect(falseByChance([within(1.05 ** 1.96 - 1, 0.05)])).toBeCloseTo(0.0031, 4);
  expect(falseByChance(Array.from({ length: 40 }, () => within(0.1, 0)))).toBeCloseTo(2, 2);
  expect(falseByChance(Array.from({ length: 40 }, () => within(0.01, 0.05)))).toBeLessThan(1e-6);
});

test("what has no interval, or one of no width, is no verdict by chance", () => {
  expect(falseByChance([{ ...inconclusive, margin: 0.05 }, within(0, 0.05)])).toBe(0);
});

test("of copies of one engine about as many are better or worse as are told: within a factor of three, of 400", () => {
  const draw = draws(15, "copies");
  const arm = (engine: string) =>
    answered(
      engine,
      Array.from({ length: 8 }, () => Math.exp(0.2 * Array.from({ length: 12 }, draw).reduce((sum, value) => sum + value, -6))),
    );
  const tests = Array.from({ length: 80 }, () =>
    compare(experimentOf([...arm("plain"), ...Array.from({ length: 5 }, (_, copy) => arm(`copy ${copy}`)).flat()]), "plain").filter(
      ({ metric }) => metric === "ttft",
    ),
  );
  const told = tests.reduce((sum, comparisons) => sum + falseByChance(comparisons), 0);
  const found = tests.flat().filter(({ verdict }) => verdict === "better" || verdict === "worse").length;
  expect(told).toBeGreaterThan(found / 3);
  expect(told).toBeLessThan(found * 3);
});
