import { expect, test } from "vitest";
import { momentsOf } from "../model/chunks.ts";
import { draws } from "../model/draw.ts";
import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { cacheAnswers, type CacheAnswer, type CacheUser } from "./cacheAnswer.ts";
import type { CacheSign } from "./cacheSign.ts";
import { compare } from "./compare.ts";
import { experimentOf, record } from "./fixture.ts";
import { forMore } from "./forMore.ts";
import { engineSummary } from "./summary.ts";

/** Cold requests one after the other, then warm ones, each with its TTFT. */
function user(
  engine: string,
  { cold, warm, keeps, every = 10 }: { cold: readonly Seconds[]; warm: readonly Seconds[]; keeps?: CacheSign; every?: Seconds },
): CacheUser {
  const records = [...cold, ...warm].map((wait, request): RequestRecord => {
    const due = request * every;
    return record([[due + wait]], { engine, request, due, cache: request < cold.length ? "cold" : "warm" });
  });
  return { summary: engineSummary(engine, records), records, keeps };
}

const more = forMore("test_mine");

/** With the comparisons of the same requests. */
function answersOf(users: readonly CacheUser[], engine: string | undefined): readonly CacheAnswer[] {
  const comparisons = engine === undefined ? [] : compare(experimentOf(users.flatMap(({ records }) => records)), engine);
  return cacheAnswers(users, { engine, comparisons, more });
}

const six = (wait: Seconds) => [wait, wait, wait, wait, wait, wait];
const plain = user("plain", { cold: six(4), warm: [...six(4), 3, 5] });

test("a cache that answers 4.4 s in 0.5 s gains 8.8 times, costs 10 % to fill, and says of how many requests", () => {
  const [answer] = answersOf([user("cached", { cold: six(4.4), warm: [...six(0.5), 0.6], keeps: "beside" }), plain], "plain");
  expect([answer?.cold, answer?.coldRequests, answer?.warm, answer?.warmRequests]).toEqual([4.4, 6, 0.5, 7]);
  expect(answer?.gain).toBeCloseTo(8.8, 6);
  expect(answer?.costOfStoring).toBeCloseTo(0.1, 6);
  expect([answer?.withheld, answer?.coldWaves]).toEqual([undefined, undefined]); // six waves are enough
});

test("a gain is of the middle one where their number is odd, and of the two middle ones where it is even", () => {
  const gainOf = (cold: readonly Seconds[], warm: readonly Seconds[]) =>
    answersOf([user("cached", { cold, warm, keeps: "own" })], undefined)[0]?.gain;
  expect(gainOf([1, 2, 3, 8, 20, 30, 40], six(2))).toBe(4);
  expect(gainOf([1, 2, 7, 9, 30, 40], six(2))).toBe(4);
  expect(gainOf(six(8), [0.1, 0.2, 0.3, 2, 3, 4, 5])).toBe(4);
});

test("cold requests that are faster than the baseline's cost less than nothing", () => {
  const [answer] = answersOf([user("cached", { cold: six(3.6), warm: six(0.5), keeps: "beside" }), plain], "plain");
  expect(answer?.costOfStoring).toBeCloseTo(-0.1, 6);
});

test("where nothing speaks for a cache there is no answer at all; beside one that has it, an engine without is a row to compare with", () => {
  expect(answersOf([user("other", { cold: six(2), warm: six(1) }), plain], "plain")).toEqual([]);
  const [, other] = answersOf(
    [user("cached", { cold: six(4), warm: six(1), keeps: "own" }), user("other", { cold: six(3), warm: six(3) }), plain],
    "plain",
  );
  expect([other?.gain, other?.costOfStoring, other?.keeps]).toEqual([1, undefined, undefined]);
});

test("what a cold request takes longer is a cost of storing only where more is stored than by the baseline", () => {
  const costs = (keeps: CacheSign, baseline: CacheSign) => {
    const users = [user("other", { cold: six(3), warm: six(1), keeps }), user("base", { cold: six(2), warm: six(1), keeps: baseline })];
    return answersOf(users, "base").map(({ costOfStoring }) => costOfStoring);
  };
  expect(costs("beside", "own")).toEqual([0.5, undefined]);
  expect(costs("own", "own")).toEqual([undefined, undefined]);
  expect(costs("own", "beside")).toEqual([undefined, undefined]);
});

test("each engine's cost is of its own first tokens, cold ones or all where there is no other kind, in whatever order comparisons come", () => {
  const costs = (warm: readonly Seconds[]) => {
    const users = [
      user("slow", { cold: six(6), warm, keeps: "beside" }),
      user("cached", { cold: six(4.4), warm, keeps: "beside" }),
      user("plain", { cold: six(4), warm: warm.map(() => 4) }),
    ].map(({ records, ...rest }) => ({ ...rest, records: records.map(withTokensAfter) }));
    const comparisons = compare(experimentOf(users.flatMap(({ records }) => records)), "plain");
    return [comparisons, comparisons.toReversed()].map((all) =>
      cacheAnswers(users, { engine: "plain", comparisons: all, more }).map(({ costOfStoring }) => costOfStoring?.toFixed(6)),
    );
  };
  const each = ["0.500000", "0.100000", undefined];
  expect([costs(six(0.5)), costs([])]).toEqual([
    [each, each],
    [each, each],
  ]);
});

/** As many a second on every engine. */
function withTokensAfter(one: RequestRecord): RequestRecord {
  const first = (momentsOf(one.chunks)[0] ?? 0) / 1e9;
  const { chunks, ended, outputTokens } = record([[first], [first + 1]]);
  return Object.assign({}, one, { chunks, ended, outputTokens });
}

test("where it is sure that storing costs less than half a percent, that is what it costs", () => {
  const cached = user("cached", { cold: [4.001, 3.999, 4.002, 3.998, 4.001, 3.999], warm: six(0.5), keeps: "beside" });
  const [answer] = answersOf([cached, plain], "plain");
  expect(answer?.costOfStoring).toBeCloseTo(0, 3);
  expect(answer?.costUndecided).toBeUndefined();
  const more = [
    [4.03, 3.97, 4.03, 3.97, 4.03, 3.97],
    [4.4, 3.98, 3.99, 4.01, 3.985, 3.99],
  ].map((cold) => user("cached", { cold, warm: six(0.5), keeps: "beside" }));
  const undecided = more.map((one) => answersOf([one, plain], "plain")[0]);
  expect(undecided.map((one) => [one?.costOfStoring, one?.costUndecided?.length])).toEqual([
    [undefined, 2],
    [undefined, 2],
  ]);
});

test("whether storing costs anything is not settled where the interval of cold requests holds a ratio of 1", () => {
  const cached = user("cached", { cold: [4.4, 4.9, 3.8, 4.6, 3.9, 4.5], warm: six(0.5), keeps: "beside" });
  const [answer] = answersOf([cached, plain], "plain");
  expect(answer?.gain).toBeCloseTo(4.45 / 0.5, 6);
  expect(answer?.costOfStoring).toBeUndefined();
  expect(answer?.costUndecided?.[0]).toBeLessThan(0);
  expect(answer?.costUndecided?.[1]).toBeGreaterThan(0.1);
});

test("cold requests of one burst have no cost of storing, and say why; their gain says in how few waves they came", () => {
  const afterBurst = (engine: string, cold: Seconds, keeps?: CacheSign): CacheUser => {
    const { records } = user(engine, { cold: six(cold), warm: six(1) });
    const atOnce = records.map((one) => (one.cache === "warm" ? one : record([[cold]], { engine, request: one.request, cache: "cold" })));
    return { summary: engineSummary(engine, atOnce), records: atOnce, keeps };
  };
  const [cached, base] = answersOf([afterBurst("cached", 4.4, "beside"), afterBurst("plain", 4)], "plain");
  expect(cached).toMatchObject({
    gain: expect.closeTo(4.4, 6),
    coldWaves: 1,
    costUnknown: "a verdict needs at least 6 waves, since what befalls a wave befalls all of it",
  });
  expect([cached?.costOfStoring, base?.coldWaves]).toEqual([undefined, 1]);
  const [unsent] = answersOf([user("cached", { cold: [], warm: [], keeps: "beside" })], undefined);
  expect(unsent?.coldWaves).toBeUndefined();
  const [cutOff] = answersOf([user("cached", { cold: [4, 4, 4], warm: [], keeps: "beside" })], undefined);
  expect([cutOff?.gain, cutOff?.coldWaves]).toEqual([undefined, undefined]); // nothing is said of a gain that is not there
});

test("a cost of storing is that of the pairs, within their interval, where half of the cold requests and more say otherwise", () => {
  const cold = Array.from({ length: 20 }, (_, request) => (request % 5 < 2 ? 12 : 3.92) * (1 + 0.001 * request));
  const users = [
    user("cached", { cold, warm: six(0.5), keeps: "beside" }),
    user("plain", { cold: Array.from({ length: 20 }, () => 4), warm: six(4) }),
  ];
  const comparison = compare(experimentOf(users.flatMap(({ records }) => records)), "plain").find(({ cache }) => cache === "cold");
  const [low = NaN, high = NaN] = comparison?.interval ?? [];
  const cost = answersOf(users, "plain")[0]?.costOfStoring;
  expect(cost).toBeGreaterThan(1 / high - 1);
  expect(cost).toBeLessThan(1 / low - 1);
});

// Told whatever its interval, it was more than 5 % in 47 % of runs.
test("a cost of storing that is none is seldom told: of six cold requests with noise of 10 %", () => {
  const draw = draws(3, "cost");
  const noisy = () => Array.from({ length: 6 }, () => Math.exp(0.1 * Array.from({ length: 12 }, draw).reduce((sum, one) => sum + one, -6)));
  const told = Array.from({ length: 200 }, () => {
    const users = [user("cached", { cold: noisy(), warm: six(0.1), keeps: "beside" }), user("plain", { cold: noisy(), warm: six(1) })];
    return answersOf(users, "plain")[0]?.costOfStoring ?? 0;
  });
  expect(told.filter((cost) => Math.abs(cost) > 0.05).length).toBeLessThan(20);
});

test("the middle of an even number of requests lies between the two in the middle", () => {
  const spread = user("cached", { cold: [1, 2, 3, 5, 6, 7], warm: [...six(2)], keeps: "own" });
  expect(answersOf([spread], undefined)[0]).toMatchObject({ cold: 3, gain: 2 });
});

test("of fewer than six cold requests there is no gain, but what it takes to have one", () => {
  const [answer] = answersOf([user("cached", { cold: [4.4], warm: six(0.5), keeps: "own" }), plain], "plain");
  expect([answer?.cold, answer?.gain, answer?.costOfStoring]).toEqual([4.4, undefined, undefined]);
  expect(answer?.withheld).toBe("1 cold and 6 warm requests are too few, 6 of each are needed: ask about more documents, or say repeats");
  const [few] = answersOf([user("cached", { cold: six(4), warm: six(0.5).slice(1), keeps: "own" }), plain], "plain");
  expect([few?.gain, few?.withheld]).toEqual([undefined, expect.stringContaining("6 cold and 5 warm requests are too few")]);
});

test("a request that failed after its first token is in no gain", () => {
  const { records, keeps } = user("cached", {
    cold: six(4),
    warm: [...six(0.5), 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001],
    keeps: "own",
  });
  const failing = records.map((one) => (one.request > 11 ? { ...one, outcome: failed("disconnected", "") } : one));
  const [answer] = answersOf([{ summary: engineSummary("cached", failing), records: failing, keeps }], undefined);
  expect([answer?.gain, answer?.warmRequests]).toEqual([8, 6]);
});

test("warm requests that are all sent before a reply has begun are no sign of what a cache brings", () => {
  const [answer] = answersOf([user("cached", { cold: six(4), warm: six(4), keeps: "own", every: 0 })], undefined);
  expect(answer?.gain).toBeUndefined();
  expect(answer?.withheld).toContain("6 of 6 warm requests were sent while most cold ones before them had no reply yet");
  const [slow] = answersOf([user("cached", { cold: six(30), warm: six(30), keeps: "own", every: 0.1 })], undefined);
  expect(slow?.withheld).toContain("no reply yet"); // of waits that are all alike nobody knows whether they are a queue's
});

test("a saturated engine has no gain, and whoever is held against it no cost of storing", () => {
  const queue = (length: number, from: number) => Array.from({ length }, (_, place) => 1 + (from + place) * 0.5);
  const saturated = user("base", { cold: queue(10, 0), warm: queue(10, 10), every: 1 });
  const answers = answersOf([user("cached", { cold: six(4.4), warm: six(0.5), keeps: "own" }), saturated], "base");
  expect(answers.map(({ gain }) => gain?.toFixed(1))).toEqual(["8.8", undefined]);
  expect(Object.keys(answers[0] ?? {}).filter((name) => name.startsWith("cost"))).toEqual([]);
  expect(answers[1]?.withheld).toContain("saturated");
});

test("without a warm request there is only what there is", () => {
  const [answer] = answersOf([user("cached", { cold: six(4), warm: [], keeps: "own" })], undefined);
  expect(answer).toEqual({ engine: "cached", keeps: "own", cold: 4, coldRequests: 6, warmRequests: 0, more });
  const [onlyWarm] = answersOf([user("cached", { cold: [], warm: six(4), keeps: "own" })], undefined);
  expect(onlyWarm).toEqual({ engine: "cached", keeps: "own", warm: 4, coldRequests: 0, warmRequests: 6, more });
});
