import * as fc from "fast-check";
import { expect, test } from "vitest";
import { draws, type Draw } from "../model/draw.ts";
import type { TokenSource } from "../model/exchange.ts";
import type { Comparison } from "../model/figures.ts";
import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import { compare, type Margins } from "./compare.ts";
import { answered, chunksAt, experimentOf, exponential, manyAtOnce, mostOfMany, normal, poissonDues, record } from "./fixture.ts";

const tenOfPlain = [1, 1.01, 0.99, 1.02, 0.98, 1, 1.01, 0.99, 1, 1];
const timesEach = (waits: readonly number[], factor: number) => waits.map((wait, index) => wait * factor * (1 + 0.005 * Math.sin(index)));
const timesAll = (factor: number) => timesEach(tenOfPlain, factor);
const sixtyOfPlain = Array.from({ length: 6 }, () => tenOfPlain).flat();

test("an engine twice as fast to the first token is better, by a ratio of 2", () => {
  const { verdict, effect, interval, pairs, margin } = ttftOf(answered("cached", timesAll(0.5)), answered("plain", tenOfPlain));
  expect({ verdict, pairs, margin }).toEqual({ verdict: "better", pairs: 10, margin: 0.05 });
  expect(effect).toBeCloseTo(2, 1);
  expect(interval?.[0]).toBeGreaterThan(1.9);
  expect(interval?.[1]).toBeLessThan(2.1);
});

test("the effect is the geometric mean of the pairs' ratios: of 1, 2 and 4 it is 2", () => {
  const { effect } = ttftOf(answered("cached", [1, 1, 1]), answered("plain", [1, 2, 4]));
  expect(effect).toBeCloseTo(2, 9);
});

test("an engine that takes twice as long is worse, by a ratio of a half", () => {
  const { verdict, effect } = ttftOf(answered("cached", timesAll(2)), answered("plain", tenOfPlain));
  expect(verdict).toBe("worse");
  expect(effect).toBeCloseTo(0.5, 2);
});

test("of throughput the other engine's counts: more tokens a second are better", () => {
  const other = answered("cached", tenOfPlain, { tokenEvery: 0.005 });
  const [, throughput] = compare(experimentOf([...other, ...answered("plain", tenOfPlain)]), "plain");
  expect([throughput?.metric, throughput?.verdict]).toEqual(["throughput", "better"]);
  expect(throughput?.effect).toBeCloseTo(2, 6);
});

test("throughput is not judged where the tokens of only one engine are counted by its events", () => {
  const verdicts = (other: TokenSource, base: TokenSource) =>
    compare(
      experimentOf([
        ...answered("cached", sixtyOfPlain, { outputTokens: 6, outputTokensSource: other }),
        ...answered("plain", sixtyOfPlain, { outputTokensSource: base }),
      ]),
      "plain",
    );
  expect(verdicts("tokenizer", "events").map(({ verdict, reason }) => reason ?? verdict)).toEqual([
    "equivalent",
    "the tokens of 60 pairs are counted as one for each event on one of the engines only, and an event may carry several",
  ]);
  expect(verdicts("events", "usage")[1]?.verdict).toBe("inconclusive");
  expect(verdicts("tokenizer", "usage")[1]?.verdict).toBe("better");
  expect(verdicts("events", "events")[1]?.verdict).toBe("better");
});

test("what may have come with the first event is a margin of throughput, where usage tells it only at the end", () => {
  const [one, eight] = ["one", "eight"].map((engine) => answered(engine, sixtyOfPlain, { outputTokens: engine === "one" ? 3 : 24 }));
  const [, throughput] = compare(experimentOf([...(eight ?? []), ...(one ?? [])]), "one");
  expect(throughput?.margin).toBeCloseTo(23 / 16 - 1, 9);
  const [, alike] = compare(experimentOf([...(eight ?? []), ...answered("one", sixtyOfPlain, { outputTokens: 24 })]), "one");
  expect([alike?.margin, alike?.verdict]).toEqual([0.05, "equivalent"]);
});

test("shares of failures that are a percentage point apart are judged, whatever the last digit of their difference", () => {
  const failing = (engine: string, count: number) =>
    answered(engine, Array<number>(100).fill(1)).map((one) => (one.request < count ? { ...one, outcome: failed("empty", "") } : one));
  for (const count of [1, 6, 10]) expect(ttftOf(failing("cached", count + 1), failing("plain", count)).verdict).toBe("equivalent");
  expect(ttftOf(failing("cached", 8), failing("plain", 6)).verdict).toBe("inconclusive");
});

test("two engines within the margin are equivalent", () => {
  const { verdict, effect } = ttftOf(answered("cached", timesEach(sixtyOfPlain, 1.02)), answered("plain", sixtyOfPlain));
  expect(verdict).toBe("equivalent");
  expect(effect).toBeCloseTo(1 / 1.02, 2);
});

test("fewer than 59 pairs are not called equivalent, however alike they are: what slows one request in 20 may not be among them", () => {
  const of = (count: number) => ttftOf(answered("cached", sixtyOfPlain.slice(0, count)), answered("plain", sixtyOfPlain.slice(0, count)));
  expect(of(59).verdict).toBe("equivalent");
  expect(of(30)).toMatchObject({
    verdict: "inconclusive",
    interval: [1, 1],
    reason: "no difference of 5 % was found, but so few pairs may miss what slows one request in 20",
    morePairs: 29,
  });
});

// As it is called from six pairs on, it is said of 30 pairs in 18 % of runs. The seeds are fixed: this passes always or never.
test.each([30, 60])("an engine on which one request in 20 takes ten times as long is seldom called equivalent: %d pairs", (pairs) => {
  const draw = draws(12, `rare ${pairs}`);
  const arm = (engine: string, slow: number) =>
    answered(
      engine,
      Array.from({ length: pairs }, () => Math.exp(0.05 * normal(draw)) * (draw() < slow ? 10 : 1)),
    );
  const verdicts = Array.from({ length: 100 }, () => ttftOf(arm("cached", 0.05), arm("plain", 0)).verdict);
  expect(verdicts.filter((verdict) => verdict === "equivalent").length).toBeLessThanOrEqual(5);
});

test("where engines may be equivalent, as many more pairs are asked for as that takes", () => {
  const waits = [1, 1.06, 0.94, 1.04, 0.95, 1.05];
  const { verdict, pairs, morePairs = 0 } = ttftOf(answered("cached", waits), answered("plain", waits.toReversed()));
  expect({ verdict, wanted: pairs + morePairs }).toEqual({ verdict: "inconclusive", wanted: 59 });
});

test("engines are equivalent within the margin that was stated, never within a larger error: that would hide what is looked for", () => {
  const records = [...answered("cached", timesEach(sixtyOfPlain, 1.02)), ...answered("plain", sixtyOfPlain)];
  const verdict = (margins: Margins) => compare(experimentOf(records), "plain", margins)[0];
  expect(verdict({ practical: 0.05, harness: { ttft: 0.04 } })).toMatchObject({ verdict: "equivalent", margin: 0.05 });
  expect(verdict({ practical: 0.2, harness: { ttft: 0.13 } })).toMatchObject({ verdict: "equivalent", margin: 0.2 });
  const hidden = verdict({ practical: 0.05, harness: { ttft: 0.13 } });
  expect(hidden).toMatchObject({
    margin: 0.13,
    verdict: "inconclusive",
    reason: "there may be a difference of 5 % or more: the harness's own error of 13 % would hide it",
  });
  expect(hidden?.morePairs).toBeUndefined();
});

test("a difference within the harness's own error is none, and the margin says so", () => {
  const margins: Margins = { practical: 0.05, harness: { ttft: 0.6 } };
  const records = [...answered("cached", timesAll(0.8)), ...answered("plain", tenOfPlain)];
  expect(compare(experimentOf(records), "plain", margins)[0]).toMatchObject({ verdict: "inconclusive", margin: 0.6 });
});

test("a difference within what one of the engines differs by from itself is none, and that it differs so is a verdict by itself", () => {
  const records = [...answered("plain", tenOfPlain), ...answered("again", timesAll(1.25)), ...answered("cached", timesAll(0.82))];
  const verdicts = (alike: readonly (readonly string[])[]) =>
    Object.fromEntries(
      compare(experimentOf(records), "plain", { practical: 0.05, harness: { ttft: 0.1 } }, alike)
        .filter(({ metric }) => metric === "ttft")
        .map(({ other, verdict, reason }) => [other, { verdict, reason }]),
    );
  expect(verdicts([])).toMatchObject({ cached: { verdict: "better" }, again: { verdict: "worse" } });
  expect(verdicts([["plain", "again"]])).toMatchObject({
    cached: {
      verdict: "inconclusive",
      reason: "there may be a difference of 5 % or more: the noise of one engine against itself of 25 % would hide it",
    },
    again: { verdict: "worse" },
  });
  // Neither of them is the baseline.
  expect(verdicts([["cached", "again"]])).toMatchObject({ cached: { verdict: "inconclusive" }, again: { verdict: "inconclusive" } });
});

test("by how much an engine differs from itself is known of cold requests and of warm ones apart", () => {
  const both = (engine: string, factor: number) => [
    ...answered(engine, timesAll(factor)),
    ...answered(engine, timesAll(1), { cache: "warm", block: 1 }),
  ];
  const records = [...both("plain", 1), ...both("again", 1.25), ...both("cached", 0.82)];
  const cached = compare(experimentOf(records), "plain", { practical: 0.05 }, [["plain", "again"]]).filter(
    ({ other, metric }) => other === "cached" && metric === "ttft",
  );
  expect(cached.map(({ cache, margin }) => [cache, margin.toFixed(6)])).toEqual([
    ["cold", "0.250000"],
    ["warm", "0.050000"],
  ]);
});

test("of three that are one engine the two that are furthest apart tell how much it differs from itself, in whatever order they are named", () => {
  const alike = [...answered("plain", tenOfPlain), ...answered("slow", timesAll(1.1)), ...answered("fast", timesAll(1 / 1.1))];
  const records = [...alike, ...answered("cached", timesAll(0.87))];
  for (const group of [
    ["plain", "slow", "fast"],
    ["slow", "plain", "fast"],
    ["fast", "slow", "plain"],
  ]) {
    const cached = compare(experimentOf(records), "plain", { practical: 0.05 }, [group]).find(({ other }) => other === "cached");
    expect(cached?.verdict).toBe("inconclusive");
    expect(cached?.margin).toBeCloseTo(1.1 * 1.1 - 1, 6);
  }
});

test("an interval across the edge of the margin is inconclusive, and tells how many more pairs it may take", () => {
  const spread = [0.7, 1.3, 0.8, 1.25, 0.75, 1.4, 0.9, 1.1];
  const { verdict, reason, morePairs } = ttftOf(answered("cached", spread), answered("plain", spread.toReversed()));
  expect(verdict).toBe("inconclusive");
  expect(reason).toBe("the interval is too wide for the margin of 5 %");
  expect(morePairs).toBeGreaterThan(100);
});

test("as many more pairs as were asked for do settle it", () => {
  const noisy = (engine: string, count: number, mean: number) =>
    answered(
      engine,
      Array.from({ length: count }, (_, index) => mean * Math.exp(0.2 * normal(draws(index, engine)))),
    );
  const few = ttftOf(noisy("cached", 8, 0.85), noisy("plain", 8, 1));
  expect(few.verdict).toBe("inconclusive");
  const enough = 8 + 2 * (few.morePairs ?? Number.NaN);
  expect(ttftOf(noisy("cached", enough, 0.85), noisy("plain", enough, 1)).verdict).toBe("better");
});

test("fewer than six pairs give an effect and no verdict", () => {
  const { verdict, effect, interval, reason, morePairs } = ttftOf(
    answered("cached", timesAll(0.5).slice(0, 5)),
    answered("plain", tenOfPlain),
  );
  expect({ verdict, interval, reason, morePairs }).toEqual({
    verdict: "inconclusive",
    interval: undefined,
    reason: "a verdict needs at least 6 pairs",
    morePairs: 1,
  });
  expect(effect).toBeCloseTo(2, 1);
});

test("an engine that became slower is worse also when it fails more often besides; one that fails less often is not judged", () => {
  const [fast, slow] = [0.3, 0.9].map(
    (wait) => (engine: string, failures: number) =>
      answered(engine, Array<number>(100).fill(wait)).map((one) =>
        one.request < failures ? { ...one, outcome: failed("empty", "") } : one,
      ),
  );
  for (const failures of [2, 3, 5, 40]) expect(ttftOf(slow!("cached", failures), fast!("plain", 0)).verdict).toBe("worse");
  expect(ttftOf(slow!("cached", 0), fast!("plain", 3)).verdict).toBe("inconclusive");
  expect(ttftOf(fast!("cached", 3), fast!("plain", 0)).verdict).toBe("inconclusive");
});

test("engines that fail differently often are not called better, however far apart they are", () => {
  const cached = answered("cached", timesAll(0.5)).map((record) =>
    record.request < 2 ? { ...record, outcome: failed("empty", "") } : record,
  );
  const { verdict, pairs, effect, reason, morePairs } = ttftOf(cached, answered("plain", tenOfPlain));
  expect({ verdict, pairs, morePairs }).toEqual({ verdict: "inconclusive", pairs: 8, morePairs: undefined });
  expect(effect).toBeCloseTo(2, 1);
  expect(reason).toBe("the engines fail differently often, 20 % against 0 % of requests: what is left cannot be compared");
});

test("engines that fail on the same requests are judged on the others", () => {
  const firstFails = (record: RequestRecord) => (record.request === 0 ? { ...record, outcome: failed("empty", "") } : record);
  const { verdict, pairs } = ttftOf(answered("cached", timesAll(0.5)).map(firstFails), answered("plain", tenOfPlain).map(firstFails));
  expect([verdict, pairs]).toEqual(["better", 9]);
});

test("a request that was cut off on either engine is no pair, though it had its first token", () => {
  const cutOff = (record: RequestRecord) => (record.request === 0 ? { ...record, outcome: failed("disconnected", "") } : record);
  const [cached, plain] = [answered("cached", timesAll(0.5)), answered("plain", tenOfPlain)];
  expect([ttftOf(cached.map(cutOff), plain).pairs, ttftOf(cached, plain.map(cutOff)).pairs]).toEqual([9, 9]);
});

test("requests are in the order in which they fell due, block by block, whatever their numbers", () => {
  const numbered = (engine: string, waits: readonly number[]) =>
    [waits.slice(0, 8), waits.slice(8)].flatMap((of, block) =>
      answered(engine, of, { block }).map((record) => ({ ...record, request: (record.request * 3) % 8 })),
    );
  // Neighbours are alike, so that their order makes the interval wider.
  const waits = Array.from({ length: 16 }, (_, place) => 0.1 + place / 100);
  const one = waits.map(() => 0.1);
  const { interval } = ttftOf(numbered("cached", waits), numbered("plain", one));
  expect(interval).toBeDefined();
  expect(interval).toEqual(ttftOf(answered("cached", waits), answered("plain", one)).interval);
});

test("an engine that answers all only after the last was sent is not one burst, beside one that answers each in time", () => {
  const { verdict, pairs, ...rest } = ttftOf(
    answered("cached", Array<number>(12).fill(20)),
    answered("plain", Array<number>(12).fill(0.5)),
  );
  expect([verdict, pairs, "waves" in rest]).toEqual(["worse", 12, false]);
});

test("requests are paired by block and number, not by their order", () => {
  const plain = answered("plain", [1, 2, 3, 4, 5, 6, 7, 8]);
  const cached = answered("cached", [1, 2, 3, 4, 5, 6, 7, 8]);
  expect(ttftOf(cached.toReversed(), plain).interval).toEqual([1, 1]);
  const second = cached.map((record) => ({ ...record, block: 1 }));
  expect(ttftOf(second, plain)).toMatchObject({ pairs: 0, reason: "no request completed on both engines" });
});

test("cold and warm are compared apart; all together only where there is one of them", () => {
  const both = (engine: string) => [...answered(engine, [4]), ...answered(engine, tenOfPlain, { cache: "warm", block: 1 })];
  const apart = compare(experimentOf([...both("cached"), ...both("plain")]), "plain");
  expect(apart.map(({ cache, metric, pairs }) => [cache, metric, pairs])).toEqual([
    ["cold", "ttft", 1],
    ["cold", "throughput", 1],
    ["warm", "ttft", 10],
    ["warm", "throughput", 10],
  ]);
  expect(ttftOf(answered("cached", tenOfPlain), answered("plain", tenOfPlain)).cache).toBe("all");
});

test("every engine but the baseline is compared, and the baseline alone with nobody", () => {
  const of = (...names: readonly string[]) => compare(experimentOf(names.flatMap((name) => answered(name, tenOfPlain))), "plain");
  expect(of("b", "plain", "a").map(({ other, metric }) => `${other} ${metric}`)).toEqual([
    "a ttft",
    "a throughput",
    "b ttft",
    "b throughput",
  ]);
  expect(of("plain")).toEqual([]);
});

test("replies of one token have no throughput to compare", () => {
  const short = (engine: string) => answered(engine, tenOfPlain).map((record) => ({ ...record, outputTokens: 1 }));
  const [, throughput] = compare(experimentOf([...short("cached"), ...short("plain")]), "plain");
  expect(throughput).toMatchObject({
    pairs: 0,
    verdict: "inconclusive",
    reason: "no request completed, with two tokens or more that did not come at once, on both engines",
  });
});

test("where more than one pair in ten has no throughput, those that have one are not compared", () => {
  const partly = (engine: string, short: number) =>
    answered(engine, Array<number>(200).fill(1)).map((one) => (one.request < short ? { ...one, outputTokens: 1 } : one));
  const [ttft, throughput] = compare(experimentOf([...partly("cached", 183), ...partly("plain", 0)]), "plain");
  expect(throughput).toMatchObject({
    pairs: 17,
    verdict: "inconclusive",
    reason: "183 of 200 pairs have no throughput on one of the engines: what is left cannot be compared",
  });
  expect(ttft?.verdict).toBe("equivalent");
  const verdictOf = (short: number) => compare(experimentOf([...partly("cached", short), ...partly("plain", 0)]), "plain")[1]?.verdict;
  expect([20, 21].map(verdictOf)).toEqual(["equivalent", "inconclusive"]);
});

test("first tokens that took no time at all are no pairs, and that is what is said of them", () => {
  const waits = Array<number>(20).fill(1);
  const none = waits.map(() => 0);
  expect(ttftOf(answered("cached", waits), answered("plain", none))).toMatchObject({
    pairs: 0,
    verdict: "inconclusive",
    reason: "none of the 20 requests that completed on both engines has a time to first token above 0 on both",
  });
  expect(ttftOf(answered("cached", waits), answered("plain", none.with(0, 1).with(1, 1))).reason).toBe(
    "18 of 20 pairs have no time to first token above 0 on one of the engines: what is left cannot be compared",
  );
});

const waits = fc.array(fc.tuple(fc.double({ min: 0.01, max: 9, noNaN: true }), fc.double({ min: 0.01, max: 9, noNaN: true })), {
  minLength: 6,
  maxLength: 20,
});

test("the interval contains the effect, and no order of the records changes a bit of either", () => {
  fc.assert(
    fc.property(waits, (of) => {
      const cached = answered(
        "cached",
        of.map(([wait]) => wait),
      );
      const plain = answered(
        "plain",
        of.map(([, wait]) => wait),
      );
      const there = ttftOf(cached, plain);
      expect(there.interval?.[0]).toBeLessThanOrEqual(there.effect ?? Number.NaN);
      expect(there.interval?.[1]).toBeGreaterThanOrEqual(there.effect ?? Number.NaN);
      expect(compare(experimentOf([...plain, ...cached].toReversed()), "plain")[0]).toEqual(there);
    }),
    { numRuns: 15 },
  );
});

// By chance 2.5 % would be better and 2.5 % worse. The seeds are fixed: this passes always or never.
test.each([
  ["6 pairs, even noise", 6, normal],
  ["12 pairs, even noise", 12, normal],
  ["10 pairs, noise with a long tail", 10, (draw: Draw) => -Math.log(1 - draw())],
] as const)("one engine against itself is seldom better, and seldom worse: %s", (name, pairs, noise) => {
  const draw = draws(7, name);
  const trial = () => {
    const arm = (engine: string) =>
      answered(
        engine,
        Array.from({ length: pairs }, () => Math.exp(0.1 * noise(draw))),
      );
    return ttftOf(arm("cached"), arm("plain"), { practical: 0 }).verdict;
  };
  const verdicts = Array.from({ length: 250 }, trial);
  for (const verdict of ["better", "worse"]) {
    expect(verdicts.filter((one) => one === verdict).length / verdicts.length).toBeLessThanOrEqual(0.05);
  }
});

/** How long each of some requests takes on an engine that answers one at a time. */
function queued(gaps: readonly number[], service: () => number): readonly number[] {
  let wait = 0;
  return gaps.map((gap) => {
    wait = Math.max(0, wait - gap);
    return (wait += service());
  });
}

// Taken for independent, 25 % of such runs were better or worse. Of 800, 10.5 and 5.3 % are: the bounds are three standard errors above.
test.each([
  [30, 0.18],
  [100, 0.11],
])("nor is one in a queue, where neighbours wait for the same: %d Poisson requests at 70 %% of what it can do", (count, most) => {
  const draw = draws(9, `queue of ${count}`);
  const service = () => Math.exp(0.3 * normal(draw));
  const trial = () => {
    const gaps = Array.from({ length: count }, () => -Math.log(1 - draw()) / 0.7);
    return ttftOf(answered("cached", queued(gaps, service)), answered("plain", queued(gaps, service)));
  };
  const found = Array.from({ length: 150 }, trial);
  expect(found.filter(({ verdict }) => verdict === "better" || verdict === "worse").length / found.length).toBeLessThan(most);
  expect(found.filter(({ independentPairs = count }) => independentPairs < count / 2).length).toBeGreaterThan(found.length / 3);
});

// With neighbours alone looked at, 60 % of 500 such intervals hold 1; as it is done, 76 %. The seeds are fixed: this passes always or never.
test("nor is one that answers many at once: what those under way together share hides beneath what differs from one to the next", () => {
  const draw = draws(14, "many at once");
  const trial = () => {
    const answering = { dues: poissonDues(200, 0.7 * mostOfMany, draw), draw, length: exponential };
    return ttftOf(manyAtOnce("cached", answering), manyAtOnce("plain", answering));
  };
  const found = Array.from({ length: 150 }, trial);
  const hold = found.filter(({ interval: [low, high] = [2, 0] }) => low <= 1 && high >= 1);
  expect(hold.length / found.length).toBeGreaterThan(0.75);
  expect(found.filter(({ verdict }) => verdict === "better" || verdict === "worse").length / found.length).toBeLessThan(0.14);
});

test("pairs are under way together where they are on one of the engines, and waves as many as their pairs make", () => {
  const draw = draws(2, "hidden");
  const waits = Array.from({ length: 120 }, (_, place) => 0.2 * Math.exp(0.3 * Math.sin(place / 12) + draw()));
  const arm = (engine: string, of: readonly number[], underWay: number) =>
    answered(engine, of).map((one) => ({ ...one, ended: one.due + underWay * 1e9 }));
  const one = waits.map(() => 0.2);
  const [alone, together] = [0.9, 10].map((underWay) => ttftOf(arm("cached", waits, underWay), arm("plain", one, 0.9)));
  expect(ttftOf(arm("cached", waits, 0.9), arm("plain", one, 10))).toEqual(together);
  const widthOf = ({ interval: [low, high] = [NaN, NaN] }: Comparison) => Math.log(high / low);
  expect(widthOf(together!) / widthOf(alone!)).toBeGreaterThan(1.2);
  const threeOfEach = (records: readonly RequestRecord[]) =>
    [0, 1, 2].flatMap((copy) => records.map((record) => ({ ...record, request: 3 * record.request + copy })));
  const inWaves = ttftOf(threeOfEach(arm("cached", waits, 10)), threeOfEach(arm("plain", one, 0.9)));
  expect(inWaves).toMatchObject({ pairs: 360, waves: 120 });
  for (const edge of [0, 1]) expect(inWaves.interval?.[edge]).toBeCloseTo(together?.interval?.[edge] ?? NaN, 9);
});

/** So many users who ask all at once, and again all at once when they are answered: the waits of a wave are alike, and those of waves are not. */
function inWaves(engine: string, waves: number, block: number, draw: Draw): readonly RequestRecord[] {
  const users = 20;
  return Array.from({ length: waves }, () => 0.2 * Math.exp(0.2 * normal(draw))).flatMap((usual, wave) =>
    Array.from({ length: users }, (_, user) => {
      const due = wave * 2;
      const request = wave * users + user;
      const wait = usual * Math.exp(0.05 * normal(draw));
      return record([[due + wait], [due + wait + 1]], { engine, block, request, due, ...(wave === 0 ? {} : { after: request - users }) });
    }),
  );
}

// Taken for independent, 83 % of such runs of one burst were better or worse.
test("an engine that is asked in bursts is not better than itself: those of one burst are one observation", () => {
  const draw = draws(10, "waves");
  const trial = (waves: number, repeats: number) => {
    const arm = (engine: string) => Array.from({ length: repeats }, (_, block) => inWaves(engine, waves, block, draw)).flat();
    return ttftOf(arm("cached"), arm("plain"));
  };
  expect(trial(1, 1)).toMatchObject({ verdict: "inconclusive", pairs: 20, waves: 1, morePairs: 100 });
  const four = answered("cached", [1, 1, 1, 1]).map((one) => ({ ...one, due: 0 }));
  const reason = "a verdict needs at least 6 waves, since what befalls a wave befalls all of it";
  expect(
    ttftOf(
      four,
      four.map((one) => ({ ...one, engine: "plain" })),
    ),
  ).toMatchObject({ pairs: 4, waves: 1, reason, morePairs: 20 });
  expect(trial(1, 5).reason).toBe("a verdict needs at least 6 waves, since what befalls a wave befalls all of it");
  for (const [waves, repeats] of [
    [6, 1],
    [1, 6],
    [5, 3],
  ] as const) {
    const found = Array.from({ length: 100 }, () => trial(waves, repeats));
    const hold = found.filter(({ interval: [low, high] = [2, 0] }) => low <= 1 && high >= 1);
    expect(hold.length).toBeGreaterThanOrEqual(88); // of 95 three standard errors
    expect(found[0]).toMatchObject({ pairs: 20 * waves * repeats, waves: waves * repeats });
    expect(found.filter(({ independentPairs = 999 }) => independentPairs < 4 * waves * repeats).length).toBeGreaterThan(80);
  }
});

// With each held against a mean that it is itself most of, 54 and 24 % of such runs were better or worse.
test("nor is one whose bursts are of unlike sizes", () => {
  const draw = draws(12, "unlike waves");
  const arm = (engine: string, sizes: readonly number[]) =>
    sizes.flatMap((size, wave) => {
      const usual = 0.2 * Math.exp(0.14 * normal(draw));
      return Array.from({ length: size }, (_, place) => {
        const wait = usual * Math.exp(0.05 * normal(draw));
        return record([[wave * 9 + wait]], { engine, request: wave * 100 + place, due: wave * 9 });
      });
    });
  const trials = (sizes: readonly number[]) => Array.from({ length: 100 }, () => ttftOf(arm("cached", sizes), arm("plain", sizes)));
  const ones = Array<number>(59).fill(1);
  for (const found of [trials([60, ...ones]), trials([20, 2, 9, 1, 1, 14, 3, 3, 1, 5, 8, 1])]) {
    const hold = found.filter(({ interval: [low, high] = [2, 0] }) => low <= 1 && high >= 1);
    expect(hold.length).toBeGreaterThanOrEqual(88); // of 95 three standard errors
  }
  expect(trials([60, 1, 1, 1, 1, 1, 1])[0]).toMatchObject({
    verdict: "inconclusive",
    reason: "one of the 7 waves has most of the pairs, and what befalls a wave befalls all of it",
  });
});

test("an effect that is there is found in bursts too: twice as long in most of 50 runs of 6", () => {
  const draw = draws(11, "power of waves");
  const verdicts = Array.from({ length: 50 }, () => {
    const slow = inWaves("cached", 6, 0, draw).map((one) => ({
      ...one,
      chunks: chunksAt(one.chunks, (moments) => moments.map((at) => 2 * at - one.due)),
    }));
    return ttftOf(slow, inWaves("plain", 6, 0, draw)).verdict;
  });
  expect(verdicts.filter((verdict) => verdict === "worse").length).toBeGreaterThan(40);
});

test("an effect that is there is found: 20 % at 10 % noise in most of 100 trials of 10 pairs", () => {
  const draw = draws(8, "power");
  const arm = (engine: string, mean: number) =>
    answered(
      engine,
      Array.from({ length: 10 }, () => mean * Math.exp(0.1 * normal(draw))),
    );
  const verdicts = Array.from({ length: 100 }, () => ttftOf(arm("cached", 1 / 1.2), arm("plain", 1)).verdict);
  expect(verdicts.filter((verdict) => verdict === "better").length).toBeGreaterThan(60);
  expect(verdicts).not.toContain("worse");
});

function ttftOf(other: readonly RequestRecord[], plain: readonly RequestRecord[], margins?: Margins): Comparison {
  const [ttft] = compare(experimentOf([...other, ...plain]), "plain", margins);
  if (ttft === undefined) throw new Error("nothing was compared");
  return ttft;
}
