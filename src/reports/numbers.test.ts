import { expect, test } from "vitest";
import { change, duration, observedPhrase, percent, plain, rate, ratio, ratioInterval, wantedPhrase } from "./numbers.ts";

test("a duration has three digits that count, in milliseconds below a second", () => {
  expect([0.00042, 0.00412, 0.0412, 0.412, 0.9996, 4.123, 41.23, 412.3, 1234].map(duration)).toEqual([
    "0.420 ms",
    "4.12 ms",
    "41.2 ms",
    "412 ms",
    "1.00 s",
    "4.12 s",
    "41.2 s",
    "412 s",
    "1,230 s",
  ]);
});

test("a duration of microseconds or less has them too", () => {
  expect([4e-7, 9.996e-7, 1.234e-6, 1.234e-5, -2e-5].map(duration)).toEqual([
    "400 ns",
    "0.00100 ms",
    "0.00123 ms",
    "0.0123 ms",
    "-0.0200 ms",
  ]);
  expect([rate(0.0123), rate(0.000_123_4)]).toEqual(["0.0123", "0.000123"]);
});

test("a share that is not all of it is never 100 %", () => {
  expect([0.995, 0.9996, 0.999_95, 0.9949, 1, 1.004, 0.126].map(percent)).toEqual([
    "99.5 %",
    "99.96 %",
    "99.995 %",
    "99 %",
    "100 %",
    "100.4 %",
    "13 %",
  ]);
});

test("what is missing is a dash, and zero is a zero", () => {
  expect([duration(undefined), rate(undefined), ratio(undefined), percent(undefined), change(undefined)]).toEqual([
    "–",
    "–",
    "–",
    "–",
    "–",
  ]);
  expect([duration(0), rate(0), percent(0), change(0), plain(0)]).toEqual(["0 ms", "0", "0 %", "0 %", "0"]);
});

test("a ratio has more decimals near 1, and enough to tell the ends of its interval apart", () => {
  expect([ratio(24.6), ratio(2.41), ratio(1.018)]).toEqual(["25", "2.4", "1.02"]);
  expect([ratio(24.61, [24.42, 24.81]), ratioInterval(24.61, [24.42, 24.81])]).toEqual(["24.6", "24.4 to 24.8"]);
  expect(ratioInterval(2, [2, 2 + 1e-12])).toBe("2.0 to 2.0");
  expect([ratio(1.0512, [1.0511, 1.0513]), ratioInterval(1.0512, [1.0511, 1.0513])]).toEqual(["1.0512", "1.0511 to 1.0513"]);
  expect(ratioInterval(1.0512, [1.051166, 1.051169])).toBe("1.051166 to 1.051169");
  expect([ratio(0.0004), ratio(0.045), ratio(0.8), ratio(0)]).toEqual(["0.00040", "0.045", "0.80", "0.00"]);
});

test("a change has a sign, and a number without a known unit no needless zeros", () => {
  expect([change(0.054), change(-0.02), change(0.0001)]).toEqual(["+5.4 %", "−2 %", "0 %"]);
  expect([plain(0.61), plain(0.5), plain(1234)]).toEqual(["0.61", "0.5", "1,234"]);
});

test("an observed value has as many digits as it takes to see on which side of what was wanted it lies, and three where those do", () => {
  const observed = (value: number, wanted: string) => observedPhrase(value, wanted);
  expect([observed(0.239512, "at most 0.5"), observed(0.5, "at most 0.5"), observed(1234, "at least 1000")]).toEqual([
    "0.24",
    "0.5",
    "1,234",
  ]);
  expect([observed(0.5004, "at most 0.5"), observed(0.49996, "at least 0.5"), observed(0.5 + 1e-12, "at most 0.5")]).toEqual([
    "0.5004",
    "0.49996",
    "0.500000000001",
  ]);
  expect([observed(1499.6, "from 1000 to 1499.5"), observed(4.0001, "from 2 to 4"), observed(1.23456e-7, "at most 1.234e-7")]).toEqual([
    "1,500",
    "4.0001",
    "0.0000001235",
  ]);
});

test("what a check wants is grouped as what was found is, and an author's own words stay as they are", () => {
  expect(["at most 10000", "at least 1234.5", "from 50 to 10000", "at most 0.5"].map(wantedPhrase)).toEqual([
    "at most 10,000",
    "at least 1,234.5",
    "from 50 to 10,000",
    "at most 0.5",
  ]);
  expect(wantedPhrase("port 8000 to answer")).toBe("port 8000 to answer");
});
