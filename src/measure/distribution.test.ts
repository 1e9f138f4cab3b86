import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Distribution } from "../model/figures.ts";
import { distribution, fewestFor, gapDistribution, nearestRank, tailOf } from "./distribution.ts";

test("nearest rank gives what numpy gives with method inverted_cdf", () => {
  const values = Float64Array.of(15, 20, 35, 40, 50);
  expect([0.05, 0.3, 0.4, 0.5, 1].map((share) => nearestRank(values, share))).toEqual([15, 20, 20, 35, 50]);
});

test("no length of data has a rank that floating point rounds up", () => {
  const sorted = Float64Array.from(upTo(5_000));
  for (let count = 1; count <= 5_000; count++) {
    const ranks = [0.5, 0.9, 0.99].map((share) => nearestRank(sorted.subarray(0, count), share));
    expect(ranks).toEqual([50, 90, 99].map((percent) => Math.ceil((percent * count) / 100)));
  }
});

test("a p90 needs 64 values and a p99 needs 662", () => {
  expect([63, 64].map((count) => distribution(upTo(count)).p90)).toEqual([undefined, 58]);
  expect([661, 662].map((count) => distribution(upTo(count)).p99)).toEqual([undefined, 656]);
});

test("64 and 662 are the fewest of which, with 99 % probability, two or more lie above the true percentile", () => {
  const oneAtMost = (share: number, count: number) => share ** count + count * (1 - share) * share ** (count - 1);
  for (const [share, fewest] of [
    [0.9, fewestFor.p90],
    [0.99, fewestFor.p99],
  ] as const) {
    expect(oneAtMost(share, fewest)).toBeLessThanOrEqual(0.01);
    expect(oneAtMost(share, fewest - 1)).toBeGreaterThan(0.01);
  }
});

test("what a limit is held against is the longest where there are too few for a p99", () => {
  expect([661, 662].map((count) => tailOf(Float64Array.from(upTo(count))))).toEqual([661, 656]);
});

test("the mean has the interval that scipy's stats.t.interval gives", () => {
  const { mean, meanInterval } = distribution([4, 1, 7, 2]);
  expect(mean).toBe(3.5);
  expect(meanInterval?.[1]).toBeCloseTo(7.709980742298516, 8);
  const lower = distribution([-4, -1, -7, -2]);
  expect(lower.meanInterval?.[0]).toBeCloseTo(-7.709980742298516, 8);
  expect(lower.meanInterval?.[1]).toBeCloseTo(0.7099807422985158, 8);
});

test("one value has a mean without an interval", () => {
  expect(distribution([3])).toEqual({ count: 1, mean: 3, min: 3, p50: 3, max: 3 });
});

test("values that go up and up have a wider interval of their mean than the same ones in any order", () => {
  const widthOf = (values: readonly number[]) => {
    const [low = NaN, high = NaN] = distribution(values).meanInterval ?? [];
    return high - low;
  };
  const mixed = upTo(60).toSorted((a, b) => ((a * 37) % 61) - ((b * 37) % 61));
  expect(widthOf(upTo(60)) / widthOf(mixed)).toBeGreaterThan(2);
});

test("of values that came in waves the interval of the mean is one over waves, of which it takes six, and none that has most of the values", () => {
  const usual = [4, 1, 7, 2, 9, 3];
  const inTwos = usual.flatMap((value) => [value - 1, undefined, value + 1]);
  const waves = usual.flatMap((_, wave) => [wave, wave, wave]);
  const ofWaves = distribution(usual).meanInterval ?? [NaN, NaN];
  const { mean, meanInterval = [NaN, NaN] } = distribution(inTwos, { waves, underWay: 0 });
  expect(mean).toBe(26 / 6);
  expect(meanInterval[0]).toBeCloseTo(ofWaves[0], 9);
  expect(meanInterval[1]).toBeCloseTo(ofWaves[1], 9);
  const alone = distribution(inTwos).meanInterval ?? [NaN, NaN];
  expect(meanInterval[1] - meanInterval[0]).toBeGreaterThan(1.3 * (alone[1] - alone[0]));
  expect(distribution(inTwos.slice(3), { waves: waves.slice(3), underWay: 0 })).not.toHaveProperty("meanInterval");
  expect(distribution(upTo(26), { waves: [...Array<number>(20).fill(9), 0, 1, 2, 3, 4, 5], underWay: 0 })).not.toHaveProperty(
    "meanInterval",
  );
});

test("so is that of mean ITL: a wave of streams is one observation", () => {
  const streams = [0.02, 0.022, 0.027, 0.021, 0.025, 0.024].map((gap) => stream(Array<number>(50).fill(gap)));
  const [low = NaN, high = NaN] = gapDistribution(gapsOf(streams)).meanInterval ?? [];
  const twice = gapsOf(streams.flatMap((one) => [one, stream([]), one]));
  const found = gapDistribution(twice, { waves: [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5], underWay: 0 }).meanInterval;
  expect(found?.[0]).toBeCloseTo(low, 9);
  expect(found?.[1]).toBeCloseTo(high, 9);
  const firstFive = gapsOf(streams.slice(1).flatMap((one) => [one, one]));
  expect(gapDistribution(firstFive, { waves: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], underWay: 0 })).not.toHaveProperty("meanInterval");
});

test("of requests that were under way together the mean is less certain, where what they shared shows", () => {
  const widthOf = (values: readonly number[], underWay: number) => {
    const [low = NaN, high = NaN] = distribution(values, { underWay }).meanInterval ?? [];
    return high - low;
  };
  const slow = Array.from({ length: 120 }, (_, place) => 3 + Math.sin(place / 12) + 2 * Math.sin(place * place));
  expect(widthOf(slow, 10) / widthOf(slow, 1)).toBeGreaterThan(1.1);
  const without = slow.map((value, place) => value - Math.sin(place / 12));
  expect(widthOf(without, 10)).toBe(widthOf(without, 1));
});

test("of waves as many are under way at once as their requests make, and averages are over so many of them", () => {
  const slow = Array.from({ length: 120 }, (_, place) => 3 + Math.sin(place / 12) + 2 * Math.sin(place * place));
  const [waves, inThrees] = [slow.flatMap((_, wave) => [wave, wave, wave]), slow.flatMap((value) => [value, value, value])];
  const ofWaves = distribution(slow, { underWay: 10 }).meanInterval ?? [NaN, NaN];
  const found = distribution(inThrees, { waves, underWay: 30 }).meanInterval ?? [NaN, NaN];
  expect(found[0]).toBeCloseTo(ofWaves[0], 9);
  expect(found[1]).toBeCloseTo(ofWaves[1], 9);
});

test("missing values are left out, and without any there is a count of 0 and nothing else", () => {
  expect(distribution([undefined, 3, undefined])).toEqual(distribution([3]));
  expect(distribution([undefined])).toEqual({ count: 0 });
  expect(gapDistribution(gapsOf([]))).toEqual({ count: 0 });
});

test("a gap of weight k counts k times in the median and the mean, as in numpy's weighted ones", () => {
  const { count, p50, mean, min, max } = gapDistribution(gapsOf([stream([0.01, 0.04, 0.02], [1, 8, 1])]));
  expect([count, p50, min, max]).toEqual([3, 0.04, 0.01, 0.04]);
  expect(mean).toBeCloseTo(0.035, 12);
});

test("the mean of what is never below 0 is not said to lie there", () => {
  const { meanInterval } = distribution([0.01, 0.01, 0.01, 0.01, 0.01, 5]);
  expect(meanInterval?.[0]).toBe(0);
  expect(distribution([0, 0.01, 0.01, 0.01, 0.01, 5]).meanInterval?.[0]).toBe(0);
  expect(distribution([-1, 0.01, 0.01, 0.01, 5]).meanInterval?.[0]).toBeLessThan(0);
});

test("a few heavy gaps do not carry a tail: 63 gaps of 8 tokens have no p90", () => {
  const many = (count: number) => gapDistribution(gapsOf([stream(upTo(count), Array<number>(count).fill(8))]));
  expect([many(63).p90, many(64).p90]).toEqual([undefined, 58]);
});

test("the interval of mean ITL takes a stream as one observation: scipy's t interval of three streams' means", () => {
  const streams = [0.02, 0.022, 0.027].map((gap) => stream(Array<number>(50).fill(gap)));
  const { mean, meanInterval } = gapDistribution(gapsOf(streams));
  expect(mean).toBeCloseTo(0.023, 12);
  expect(meanInterval?.[0]).toBeCloseTo(0.014043314104970396, 10);
  expect(meanInterval?.[1]).toBeCloseTo(0.0319566858950296, 10);
});

test("a single stream, however long, gives mean ITL no interval", () => {
  expect(gapDistribution(gapsOf([stream(upTo(1_000)), stream([])])).meanInterval).toBeUndefined();
});

const lengths = fc.array(fc.double({ min: 0, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 900 });

test("percentiles are values of the data, in order, with the shares below them that they claim", () => {
  fc.assert(
    fc.property(lengths, (values) => {
      const { p50, p90, p99 } = distribution(values);
      for (const [share, value] of [
        [0.5, p50],
        [0.9, p90],
        [0.99, p99],
      ] as const) {
        if (value === undefined) continue;
        expect(values).toContain(value);
        expect(values.filter((one) => one <= value).length).toBeGreaterThanOrEqual(share * values.length - 1e-6);
        expect(values.filter((one) => one < value).length).toBeLessThan(share * values.length);
      }
    }),
    { numRuns: 50 },
  );
});

test("the order of the values changes nothing but how far to believe their mean", () => {
  fc.assert(
    fc.property(lengths, (values) => {
      const [{ meanInterval: _back, ...back }, { meanInterval: _there, ...there }] = [values.toReversed(), values].map((inOrder) =>
        distribution(inOrder),
      ) as [Distribution, Distribution];
      expect(back).toEqual(there);
    }),
    { numRuns: 50 },
  );
});

test("a gap of weight k ranks like k gaps of weight 1", () => {
  const gaps = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 8 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(gaps, (of) => {
      const weighted = gapDistribution(
        gapsOf([
          stream(
            of.map(([gap]) => gap),
            of.map(([, weight]) => weight),
          ),
        ]),
      );
      const split = gapDistribution(gapsOf([stream(of.flatMap(([gap, weight]) => Array<number>(weight).fill(gap)))]));
      expect(weighted.p50).toBe(split.p50);
      expect(weighted.mean).toBeCloseTo(split.mean ?? Number.NaN, 9);
    }),
    { numRuns: 50 },
  );
});

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

type Stream = readonly (readonly [seconds: number, weight: number])[];

function stream(seconds: readonly number[], weights: readonly number[] = seconds.map(() => 1)): Stream {
  return seconds.map((gap, index) => [gap, weights[index] ?? 1]);
}

function gapsOf(streams: readonly Stream[]) {
  const all = streams.flat();
  const to = streams.map((_, index) => streams.slice(0, index + 1).flat().length);
  return {
    seconds: Float64Array.from(all, ([seconds]) => seconds),
    weights: Int32Array.from(all, ([, weight]) => weight),
    from: Int32Array.from(to, (_, index) => to[index - 1] ?? 0),
    to: Int32Array.from(to),
    counts: Int32Array.from(streams, ({ length }) => length),
  };
}
