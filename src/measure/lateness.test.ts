import { expect, test } from "vitest";
import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { experimentOf, record } from "./fixture.ts";
import { harnessReasons } from "./harnessReasons.ts";
import { lagCause } from "./lateness.ts";
import { limitsOf } from "./validityLimits.ts";

test.each([
  ["500 short requests, written in 45 µs each", 500, 45e-6, 64],
  ["500 of 8,192 tokens, in 82 µs each", 500, 82e-6, 8_192],
  ["2,000 short ones, in 44 µs each", 2_000, 44e-6, 64],
] as const)("%s, were sent as soon as so many can be", (_name, count, each, contextTokens) => {
  expect(reasons(burstOf(count, each, { contextTokens }))).toEqual([]);
});

test("a burst during which the harness stood still for 30 ms is late, by what so many do not explain, and a lower rate is no advice", () => {
  const stalled = burstOf(500, 25e-6).map((one, index) => (index < 100 ? one : { ...one, sent: (one.sent ?? 0) + 30e6 }));
  const [reason, ...others] = reasons(stalled);
  expect(others).toEqual([]);
  expect(reason).toMatchObject({
    state: "DEGRADED",
    what: expect.stringMatching(
      /^the harness was late with 500 requests that fell due at once \(up to 32.7 ms, where so many may take 10.1 ms\)$/,
    ),
    exceeded: { name: "sendLag", value: 0.0226, limit: 0.005 },
  });
  expect(reason?.advice).toContain("--workers");
  expect(reason?.advice).not.toContain("rate");
});

test("in whatever order those of one instant are recorded, they were sent one after the other", () => {
  expect(reasons(burstOf(500, 45e-6).toReversed())).toEqual([]);
});

test("what most of an engine's lag comes from is of its own requests: the harness, so many at once, or having to send them again", () => {
  const late = [1, 2].map((due) => record([[9]], { request: due, due, sent: due + 0.02 }));
  const again = late.map((one) => ({ ...one, engine: "again", attempts: 2, firstSent: one.due + 1e6, sent: one.due + 5e6 }));
  const atOnce = burstOf(500, 45e-6).map((one) => ({ ...one, engine: "burst", sent: (one.sent ?? 0) - 0.2e6 }));
  const punctual = late.map((one) => ({ ...one, engine: "punctual", sent: one.due }));
  const experiment = experimentOf([...late, ...again, ...atOnce, ...punctual]);
  expect(["plain", "again", "burst", "punctual"].map((engine) => lagCause(experiment, engine))).toEqual([
    "harness",
    "again",
    "atOnce",
    undefined,
  ]);
});

test("ten at once are many, and nine are few", () => {
  // The last of either is sent 5.6 ms late.
  expect(reasons(burstOf(10, 600e-6))).toEqual([]);
  expect(reasons(burstOf(9, 675e-6)).map(({ state }) => state)).toEqual(["DEGRADED"]);
});

test("one that took far longer than so many may is another load than was asked for", () => {
  expect(reasons(burstOf(500, 400e-6)).map(({ state, advice }) => [state, advice.includes("--workers")])).toEqual([
    ["DEGRADED", true],
    ["INVALID", true],
  ]);
});

test("requests with times of their own are judged by their lag alone, also beside a burst, and so are the same two on two engines", () => {
  const own = Array.from({ length: 20 }, (_, request) => record([[9]], { request, due: 1 + request / 10, sent: 1 + request / 10 + 0.006 }));
  const both = ["plain", "cached"].flatMap((engine) => own.map((one) => ({ ...one, engine })));
  for (const records of [own, both, [...burstOf(100, 50e-6), ...own]])
    expect(reasons(records)).toMatchObject([
      { what: "the harness sent requests late (up to 6 ms)", advice: expect.stringContaining("rate") },
    ]);
});

test("one instant of several blocks is several, by when each began", () => {
  const records = Array.from({ length: 40 }, (_, block) => record([[9]], { block, sent: 0.006 }));
  const starts = records.map(({ engine, block }) => ({ engine, block, at: block * 1e9 }));
  expect(reasons(records, starts)[0]?.what).toBe("the harness sent requests late (up to 6 ms)");
});

function burstOf(count: number, each: Seconds, { contextTokens = 64 } = {}): readonly RequestRecord[] {
  return Array.from({ length: count }, (_, request) => record([[9]], { request, sent: 0.0002 + request * each, contextTokens }));
}

function reasons(records: readonly RequestRecord[], starts: { engine: string; block: number; at: number }[] = []) {
  const experiment = { ...experimentOf(records), starts };
  return harnessReasons(experiment, limitsOf(experiment.description));
}
