import { expect, test } from "vitest";

import type { ErrorSize, RulerError } from "../measure/rulerError.ts";
import type { AskedLoad } from "./askedLoad.ts";
import { checksOf, complaint, mostWithin, type Check } from "./checkBefore.ts";

/** Of a thousand values. */
const size = (p99: number): ErrorSize => ({ count: 1_000, p50: 0, p95: 0, p99, max: 1 });
const good: RulerError = { stamp: size(0.0004), slip: size(0.0002) };

const rate = (perSecond: number, tokens = 20) => ({
  streams: 1,
  dues: Array.from({ length: perSecond }, (_, index) => index / perSecond),
  tokens,
});

test("as many as are within the bound are found by halving twice, or that not even those are", async () => {
  const tried: number[] = [];
  const upTo = (limit: number) => async (count: number) => {
    tried.push(count);
    return size(count <= limit ? 0.0004 : 0.003);
  };
  const first = { count: 2_000, size: size(0.003) };
  expect(await mostWithin(0.001, { count: 2_000, size: size(0.0009) }, upTo(2_000))).toMatchObject({ count: 2_000, isKept: true });
  expect(tried).toEqual([]); // the first error was known
  expect(await mostWithin(0.001, first, upTo(600))).toMatchObject({ count: 500, isKept: true });
  expect(tried).toEqual([1_000, 500]);
  expect(await mostWithin(0.001, first, upTo(0))).toMatchObject({ count: 500, isKept: false });
  expect(await mostWithin(0.001, { count: 100, size: undefined }, upTo(100))).toMatchObject({ count: 50, isKept: true });
});

test("streams are tried where it is known how many will be open, requests at their rate where that is", () => {
  const kinds = (checks: readonly Check[]) => checks.map(({ kind, tried }) => [kind, tried]);
  expect(kinds(checksOf({ streams: 256, dues: [], tokens: 20 }))).toEqual([["streams", 256]]);
  expect(kinds(checksOf(rate(1_000)))).toEqual([["rate", 1_000]]);
  expect(kinds(checksOf({ ...rate(1_000), streams: 256 }))).toEqual([
    ["rate", 1_000],
    ["streams", 256],
  ]);
});

test("whatever is asked, there are values enough: for a p99 of the stamps, for a p95 of the slip", () => {
  const phaseOf = (asked: AskedLoad) => {
    const [{ tried, load }] = checksOf(asked);
    return load(tried).phase;
  };
  const rates = [rate(1), rate(40, 1), rate(5_000, 1)].map(phaseOf);
  for (const phase of [phaseOf({ streams: 1, dues: [], tokens: 20 }), ...rates]) {
    expect(phase.reduce((sum, { request }) => sum + request.maxOutputTokens, 0)).toBeGreaterThanOrEqual(662);
  }
  for (const phase of rates) expect(phase.length).toBeGreaterThanOrEqual(130);
});

test("requests go out at the very moments of the schedule, or every second of them", () => {
  const dues = Array.from({ length: 200 }, (_, index) => (index / 200) ** 2);
  const [{ load }] = checksOf({ streams: 1, dues, tokens: 1 });
  expect(load(200).phase.map(({ due }) => due)).toEqual(dues);
  expect(load(100).phase.map(({ due }) => due)).toEqual(dues.filter((_, index) => index % 2 === 0));
});

test("a rate that this machine does not send in time is told with the one it does, and what was asked", async () => {
  const [check] = checksOf(rate(5_000));
  const late = { ...good, slip: size(0.04) };
  const upTo = (limit: number) => async (count: number) => (count <= limit ? good : late);
  expect(await complaint(check, good, upTo(5_000), 1)).toBeUndefined();
  expect(await complaint(check, late, upTo(1_300), 1)).toBe(
    "this machine sends 1,250 requests/s within 5 ms of their time (p99) now; asked: 5,000. " +
      "Close other work, use more --workers (there is 1) where cores are free, or ask for fewer",
  );
  expect(await complaint(check, late, upTo(0), 2)).toMatch(/^this machine does not send even 1,250 requests\/s within 5 ms/);
});

test("streams that this machine does not stamp in time are told with how many it does, and what was asked", async () => {
  const off = { ...good, stamp: size(0.003) };
  const of = async (streams: number, found: RulerError, limit: number) => {
    const [check] = checksOf({ streams, dues: [], tokens: 20 });
    return complaint(check, found, async (count) => (count <= limit ? good : off), 1);
  };
  expect(await of(2_000, good, 2_000)).toBeUndefined();
  expect(await of(1_500, off, 800)).toMatch(/^this machine keeps 750 streams within 1 ms \(p99\) now; asked: 1,500\./);
  expect(await of(4_000, good, 4_000)).toMatch(
    /^this machine keeps 2,000 streams within 1 ms \(p99\) now, more were not tried; asked: 4,000\./,
  );
  expect(await of(4, off, 0)).toBeUndefined(); // few streams: 3 ms are not worth a word
  expect(await of(4, { ...good, slip: size(1) }, 4)).toBeUndefined(); // streams have no rate to keep
});

test("a machine that is late at a rate anyone may ask for is told so", async () => {
  const [check] = checksOf(rate(1));
  const again = async () => good;
  const busy = "before anything else runs: close other work, or believe smaller differences less";
  expect(await complaint(check, { ...good, stamp: size(0.012) }, again, 1)).toBe(
    `at 130 requests/s this machine's stamps are off by 12 ms (p99) ${busy}`,
  );
  expect(await complaint(check, { ...good, slip: { count: 130, p50: 0, p95: 0.008, max: 1 } }, again, 1)).toBe(
    `at 130 requests/s this machine's requests go out late by 8.0 ms (p95) ${busy}`,
  );
});
