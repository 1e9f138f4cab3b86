import { expect, test } from "vitest";

import { draws } from "../model/draw.ts";
import { record } from "./fixture.ts";
import { offeredChange } from "./offeredChange.ts";

/** Requests with these times between them, in seconds. */
function due(gaps: readonly number[], block = 0) {
  let now = 0;
  return gaps.map((gap, request) => record([[now + gap + 0.1]], { due: (now += gap), request, block }));
}

const even = (count: number, gap: number): readonly number[] => Array.from({ length: count }, () => gap);

test("a schedule whose second half has twice the rate of the first is one, in the one direction and the other", () => {
  expect(offeredChange(due([...even(30, 2), ...even(30, 1)]))).toBeCloseTo(2, 1);
  expect(offeredChange(due([...even(30, 1), ...even(30, 2)]))).toBeCloseTo(0.5, 1);
});

test("even and Poisson arrivals are none, nor is a ramp that every block repeats, nor requests that wait for answers", () => {
  const noise = draws(3, "gaps");
  const poisson = Array.from({ length: 200 }, () => -Math.log(1 - noise()));
  const ramp = [...even(30, 2), ...even(30, 1)];
  expect(offeredChange(due(even(60, 1)))).toBeUndefined();
  expect(offeredChange(due(poisson))).toBeUndefined();
  expect(offeredChange([...due(ramp), ...due(ramp, 1)])).toBeUndefined();
  expect(offeredChange(due(ramp).map((one) => ({ ...one, after: 0 })))).toBeUndefined();
  expect(offeredChange(due(even(60, 0)))).toBeUndefined();
});
