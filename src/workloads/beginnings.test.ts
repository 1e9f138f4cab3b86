import { expect, test } from "vitest";
import { draws, drawBelow } from "../model/draw.ts";
import { Beginnings } from "./beginnings.ts";

test("a prompt shares with those before it what they begin with, however it is cut into pieces", () => {
  const sent = new Beginnings();
  expect(sent.add([[1, 2, 3, 4, 5]])).toBe(0);
  expect(sent.add([[1, 2], [], [3, 9]])).toBe(3);
  expect(sent.add([[1], [2, 3, 9], [7]])).toBe(4);
  expect(sent.sharedWith([[1, 2, 3, 9, 7, 8]])).toBe(5);
  expect(sent.sharedWith([[1, 2, 3, 9, 7, 8]])).toBe(5);
  expect(sent.add([[1, 2, 3, 4]])).toBe(4);
  expect(sent.add([[2, 3]])).toBe(0);
  expect(sent.add([])).toBe(0);
});

test("a mark counts for nothing, and what stands behind another one is not shared", () => {
  const sent = new Beginnings();
  sent.add([[-1], [1, 2], [-2], [3]]);
  expect(sent.add([[-1], [1, 2], [-2], [3]])).toBe(3);
  expect(sent.add([[-1], [1, 2], [-3], [3]])).toBe(2);
  expect(sent.add([[-2], [1, 2]])).toBe(0);
});

test("it finds what comparing each with each finds", () => {
  const draw = draws(1, "beginnings");
  const some = (count: number) => Array.from({ length: count }, () => drawBelow(2, draw));
  const pieces = [1, 2, 3, 4, 5].flatMap((length) => [some(length), some(length)]);
  const prompts = Array.from({ length: 300 }, () => some(drawBelow(5, draw)).map(() => pieces[drawBelow(pieces.length, draw)] ?? []));
  const [sent, flat] = [new Beginnings(), prompts.map((prompt) => prompt.flat())];
  for (const [index, prompt] of prompts.entries()) {
    const longest = Math.max(0, ...flat.slice(0, index).map((earlier) => inCommon(earlier, flat[index] ?? [])));
    expect(sent.add(prompt)).toBe(longest);
  }
});

function inCommon(one: readonly number[], other: readonly number[]): number {
  const apart = one.findIndex((id, index) => id !== other[index]);
  return apart === -1 ? one.length : apart;
}
