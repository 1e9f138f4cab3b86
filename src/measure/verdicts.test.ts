import { expect, test } from "vitest";
import { answered } from "./fixture.ts";
import { engineSummary } from "./summary.ts";
import { atLeast, atMost, between, evaluate, mayFail, ratio } from "./verdicts.ts";

const summaries = [engineSummary("plain", answered("plain", [1]))];

test("limits themselves are within", () => {
  expect(atMost(0.5, 0.5)).toEqual({ ok: true, observed: 0.5, wanted: "at most 0.5", limits: [0.5] });
  expect(atMost(0.51, 0.5)).toEqual({ ok: false, observed: 0.51, wanted: "at most 0.5", limits: [0.5] });
  expect(atLeast(2, 2)).toEqual({ ok: true, observed: 2, wanted: "at least 2", limits: [2] });
  expect(atLeast(1.9, 2).ok).toBe(false);
  expect([1, 2, 3, 4, 5].map((value) => between(value, 2, 4).ok)).toEqual([false, true, true, true, false]);
  expect(between(1, 2, 4).wanted).toBe("from 2 to 4");
});

test("a missing value is not ok, whatever is wanted, and says so", () => {
  expect(atMost(undefined, 0)).toEqual({
    ok: false,
    wanted:
      "at most 0, but there is no value (a mean or a p50 takes 1 measurement, a p90 64, a p99 662, and goodput an experiment with slo)",
  });
  expect([atLeast(undefined, 0), between(undefined, 0, 1), atMost(Number.NaN, 1), atLeast(Infinity, 1)].map(({ ok }) => ok)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test("a limit that is not a number is not met, whatever is observed: it may be made of a value that is missing", () => {
  const none: unknown[] = [undefined, "1", NaN, Infinity];
  for (const limit of none as number[]) {
    // as untyped test files may
    const wanted = `at most ${limit}, and that is not a number`;
    expect(atMost(0, limit)).toEqual({ ok: false, wanted, noLimit: true });
    expect(evaluate(() => ({ late: atMost(0, limit) }), summaries, 0)).toEqual([{ experiment: 0, check: "late", ok: false, wanted }]);
    expect([atLeast(5, limit), between(5, 0, limit), between(5, limit, 9)].map(({ ok }) => ok)).toEqual([false, false, false]);
  }
});

test("a ratio is missing when one of the two is, or the second is 0", () => {
  expect([ratio(1, 2), ratio(0, 2), ratio(undefined, 2), ratio(1, undefined), ratio(1, 0)]).toEqual([
    0.5,
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

test("how many of an engine's requests may fail is said as a number or a share, and the verdict keeps whose", () => {
  const summary = { ...engineSummary("plain", answered("plain", [1, 1, 1, 1])), failures: 1 };
  expect(mayFail(summary, { requests: 1 })).toMatchObject({ ok: true, observed: 1, wanted: "at most 1", allowsFailuresOf: "plain" });
  expect(mayFail(summary, { share: 0.2 })).toMatchObject({ ok: false, observed: 0.25, wanted: "at most 0.2", allowsFailuresOf: "plain" });
  expect(() => mayFail(summary, { share: 10 })).toThrow("mayFail(): share must be above 0 and at most 1, not 10");
  const [verdict] = evaluate(() => ({ "some may fail": mayFail(summary, { requests: 2 }) }), [summary], 0);
  expect(verdict).toEqual({
    experiment: 0,
    check: "some may fail",
    ok: true,
    observed: 1,
    wanted: "at most 2",
    allowsFailuresOf: "plain",
  });
});

test("checks are evaluated on the summaries, by the engines' names", () => {
  const verdicts = evaluate((on) => ({ "no failure": atMost(on["plain"]?.failures, 0) }), summaries, 2);
  expect(verdicts).toEqual([{ experiment: 2, check: "no failure", ok: true, observed: 0, wanted: "at most 0" }]);
});

test("checks that throw are one that is not met, and name the error", () => {
  const fails = () => {
    throw new RangeError("no such percentile");
  };
  expect(evaluate(fails, summaries, 0)).toEqual([
    {
      experiment: 0,
      check: "the checks",
      ok: false,
      wanted: "checks that can be evaluated, but there was RangeError: no such percentile",
    },
  ]);
});

test("what a JavaScript author returns instead of checks is not met", () => {
  const wrong = (value: unknown) => evaluate(() => value as Record<string, never>, summaries, 0); // as untyped test files may
  expect(wrong({ fast: true })).toEqual([{ experiment: 0, check: "fast", ok: false, wanted: "a check, such as atMost(…) returns it" }]);
  for (const value of [undefined, null, 3, Promise.resolve({})]) {
    expect(wrong(value)).toMatchObject([{ check: "the checks", ok: false }]);
  }
});

test("a promised check that is not returned is not met, and one that is returned counts as it is", () => {
  const lacking = "but there is no value (a mean or a p50 takes 1 measurement, a p90 64, a p99 662, and goodput an experiment with slo)";
  const checks = () => ({ there: atMost(1, 2) });
  expect(evaluate(checks, summaries, 3, [{ check: "there" }, { check: "p90", wanted: "at most 1" }, { check: "other" }])).toEqual([
    { experiment: 3, check: "there", ok: true, observed: 1, wanted: "at most 2" },
    { experiment: 3, check: "p90", ok: false, wanted: `at most 1, ${lacking}` },
    { experiment: 3, check: "other", ok: false, wanted: `the check to be returned, ${lacking}` },
  ]);
});
