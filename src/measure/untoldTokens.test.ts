import { expect, test } from "vitest";

import { failed } from "../model/outcome.ts";
import { record } from "./fixture.ts";
import { toldTokens, tooHighBy } from "./untoldTokens.ts";

test("throughput is too high by the tokens of first events beyond one: six events of four are 23 tokens in the time of 20", () => {
  expect(tooHighBy({ replies: 1, tokens: 24, events: 6 })).toBeCloseTo(23 / 20, 9);
});

test("nor is it too high, or too low, where events are as many as tokens or more, or where there is no token beyond the first", () => {
  for (const [tokens, events] of [
    [24, 24],
    [12, 24],
    [24, 0],
    [10, 10],
    [10, 5],
  ] as const) {
    expect(tooHighBy({ replies: 10, tokens, events })).toBe(1);
  }
});

test("what failed told nothing", () => {
  const reply = record([[1], [2]], { outputTokens: 4 });
  expect(toldTokens([reply, { ...reply, outcome: failed("empty", "") }])).toEqual({ replies: 1, tokens: 4, events: 2 });
});
