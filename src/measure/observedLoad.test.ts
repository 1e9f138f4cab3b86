import { expect, test } from "vitest";

import { toNanoseconds } from "../model/time.ts";
import { busiestSecond, mostDueAtOnce } from "./dues.ts";
import { answered, record } from "./fixture.ts";
import { observedLoad, tokensPerSecond } from "./observedLoad.ts";

test("what the harness had to do is read off the records: streams, tokens, gaps, and how requests fell due", () => {
  // Three at once, each with tokens after 0.5, 0.52 and 0.54 s; a fourth 0.3 s later.
  const one = (request: number, due: number) => record([[due + 0.5], [due + 0.52], [due + 0.54]], { request, due });
  const records = [one(0, 0), one(1, 0), one(2, 0), one(3, 0.3)];
  const observed = observedLoad({ records });
  expect(observed).toMatchObject({ streams: 4, first: 0.5, tokens: 3, promptTokens: 110, atOnce: 3, perSecond: 4 });
  expect(observed?.gap).toBeCloseTo(0.02);
  // 3 tokens in each 0.54 s of four streams.
  expect(observed && tokensPerSecond(observed)).toBeCloseTo(22.2, 1);
});

test("replies of one token are a load, too", () => {
  const records = [0, 1].map((request) => record([[0.2]], { request }));
  expect(observedLoad({ records })).toEqual({
    streams: 2,
    first: 0.2,
    tokens: 1,
    gap: 0,
    promptTokens: 110,
    atOnce: 2,
    perSecond: 2,
  });
});

test("engines in turn have not been asked at the same time, those that are together have", () => {
  const records = [...answered("one", [0.5]), ...answered("other", [0.5])];
  const streams = (starts: readonly number[]) =>
    observedLoad({
      records,
      starts: ["one", "other"].map((engine, index) => ({ engine, block: 0, at: toNanoseconds(starts[index] ?? 0) })),
    })?.streams;
  expect(streams([1, 9])).toBe(1);
  expect(streams([1, 1])).toBe(2);
});

test("no records are no load", () => {
  expect(observedLoad({ records: [] })).toBeUndefined();
});

test("the busiest second is the one with most requests, wherever it begins", () => {
  expect(busiestSecond([0, 1.5, 1.9, 2.2, 2.5, 9])).toEqual([1.5, 1.9, 2.2, 2.5]);
  expect(busiestSecond([])).toEqual([]);
  expect(mostDueAtOnce([0, 0.5, 0.5, 1])).toBe(2);
  expect(mostDueAtOnce([])).toBe(0);
});

test("a million requests at once are counted", () => {
  const dues = Array.from({ length: 1_000_000 }, () => 0);
  expect([mostDueAtOnce(dues), busiestSecond(dues).length]).toEqual([1_000_000, 1_000_000]);
  expect(mostDueAtOnce(dues.map((_, index) => index))).toBe(1);
});
