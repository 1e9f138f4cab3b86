import { expect, test } from "vitest";

import { toNanoseconds } from "../model/time.ts";
import { busiestSecond, mostDueAtOnce } from "./dues.ts";
import { answered, record } from "./fixture.ts";
import { observedLoad, tokensPerSecond } from "./observedLoad.ts";

test("what the harness had to do is read off the records: streams, tokens, gaps, and how requests fell due", () => {
  // Three at once, each with tokens after 0.5, 0.6 and 0.7 s; a fourth 0.2 s later, a fifth when one has ended.
  const one = (request: number, due: number) => record([[due + 0.5], [due + 0.6], [due + 0.7]], { request, due });
  const observed = observedLoad({ records: [one(0, 0), one(1, 0), one(2, 0), one(3, 0.2), one(4, 0.7), one(5, 0.7)] });
  expect(observed).toMatchObject({ streams: 4, tokens: 3, promptTokens: 110, atOnce: 3, perSecond: 6 });
  expect(observed?.first).toBeCloseTo(0.5);
  expect(observed?.gap).toBeCloseTo(0.1);
  // 3 tokens in each 0.7 s of four streams.
  expect(observed && tokensPerSecond(observed)).toBeCloseTo(17.1, 1);
});

test("streams that were many for a moment are no more requests a second than fell due", () => {
  // One every 0.1 s, each answered after 0.02 s, but for five that were held up and answered together.
  const records = Array.from({ length: 20 }, (_, request) => {
    const due = request / 10;
    return record([[request >= 10 && request < 15 ? 1.5 : due + 0.02]], { request, due });
  });
  const observed = observedLoad({ records });
  expect(observed).toMatchObject({ streams: 5, tokens: 1, perSecond: 11 });
  expect(observed && tokensPerSecond(observed)).toBeCloseTo(11);
});

test("streams that were many for a moment have as long a wait before their tokens as that rate leaves", () => {
  // Every 0.1 s three tokens, 0.01 s apart, but for five replies that were held up: 5 streams of 11 requests a second last 5/11 s each.
  const records = Array.from({ length: 20 }, (_, request) => {
    const due = request / 10;
    const first = request >= 10 && request < 15 ? 1.47 : due + 0.02;
    return record([[first], [first + 0.01], [first + 0.02]], { request, due });
  });
  const observed = observedLoad({ records });
  expect(observed?.first).toBeCloseTo(5 / 11 - 0.02);
  expect(observed && tokensPerSecond(observed)).toBeCloseTo(33);
});

test("what was not sent or had no end is no stream, what failed before its first token has no length, and who follows at once takes a place that is free", () => {
  const { sent: _, ...unsent } = record([]);
  const { ended: _ended, ...cutOff } = record([[0.5], [0.6]]);
  const reply = record([[0.5], [0.6]]);
  const failing = Array.from({ length: 3 }, () => record([], { due: 0.6, ended: 0.7 }));
  expect(observedLoad({ records: [record([[1], [1.1]], { due: 0.6 }), reply, unsent, cutOff] })).toMatchObject({ streams: 1, atOnce: 2 });
  expect(observedLoad({ records: [...failing, reply] })).toMatchObject({ streams: 3, tokens: 2 });
  expect(observedLoad({ records: failing })).toBeUndefined();
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

test("of engines in turn the one that was asked for most is the load, and blocks are never at the same time", () => {
  const records = ["one", "one", "one", "other"].flatMap((engine) => answered(engine, [0.5]));
  const starts = ["one", "other"].map((engine, index) => ({ engine, block: 0, at: index * 9e9 }));
  expect(observedLoad({ records, starts })).toMatchObject({ streams: 3, atOnce: 3, perSecond: 3 });
  expect(observedLoad({ records: [0, 1].flatMap((block) => answered("one", [0.5], { block })) })).toMatchObject({ streams: 1, atOnce: 1 });
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

test("two hundred thousand requests at once are counted", () => {
  const dues = Array.from({ length: 200_000 }, () => 0);
  expect([mostDueAtOnce(dues), busiestSecond(dues).length]).toEqual([200_000, 200_000]);
  expect(mostDueAtOnce(dues.map((_, index) => index))).toBe(1);
});
