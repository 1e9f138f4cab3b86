import { expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import { atLeast, atMost, between, mayFail, ratio } from "../measure/verdicts.ts";
import { experiment } from "../model/experiment.ts";
import type { EngineSummary } from "../model/figures.ts";
import type { Checks } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { refuseUnsoundChecks } from "./refuseUnsoundChecks.ts";

const engines = ["cached", "plain"] as const;

type Given = Checks<(typeof engines)[number]>;

/** What is said of checks that nobody need have type-checked. */
function told(checks: Given): string {
  try {
    refuseUnsoundChecks(checks, engines);
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing";
}

test("sound checks are none of our business, whatever figures they use", () => {
  const sound: Given = (on) => ({
    fast: atMost(ratio(on.cached.warm.ttft.p50, on.plain.warm.ttft.p50), 0.5),
    even: between(on.cached.itl.p99, 0.9 / (on.plain.itl.p50! - on.cached.itl.p90!), 9),
    many: atLeast(on.plain.outputTokensPerSecond, on.cached.outputTokensPerSecond! * 1.1),
    few: mayFail(on.plain, { share: 0.1 }),
    codes: atMost(on.plain.failuresByCode["timeout"] ?? 0, 2),
    width: atMost(on.plain.ttft.meanInterval![1], 2),
    all: atMost(
      Object.values({ ...on }).reduce((sum, { failures }) => sum + failures, 0),
      0,
    ),
  });
  expect(told(sound)).toBe("nothing");
});

test("figures and engines that there are not are told before anything boots, all of them, with the nearest", () => {
  const wrong: unknown = (on: Readonly<Record<string, Record<string, Record<string, number>>>>) => ({
    tail: atMost(on["plain"]?.["ttft"]?.["p95"], 1),
    warm: atMost(on["plain"]?.["wram"]?.["requests"], 1),
    name: atMost(on["plian"]!["ttft"]!["p50"], 1),
  });
  expect(told(wrong as Given)).toBe(
    "checks: the test has no plian, did you mean plain?; plain.ttft has no p95, did you mean p90?; plain has no wram, did you mean warm?",
  );
});

test("an engine that checks look for, and can do without, need not be there", () => {
  const shared: unknown = (on: Readonly<Record<string, { readonly failures: number }>>) => ({
    ...(on["other"] === undefined ? {} : { other: atMost(on["other"].failures, 0) }),
    plain: atMost(on["plain"]?.failures, 0),
  });
  expect(told(shared as Given)).toBe("nothing");
});

test("limits that are not numbers are told before anything boots", () => {
  const [missing, text]: unknown[] = [undefined, "1"];
  const wrong: Given = (on) => ({
    first: atMost(on.plain.ttft.p50, missing as number),
    second: atLeast(on.plain.ttft.p50, text as number),
  });
  expect(told(wrong)).toBe(
    'checks: "first" wants at most undefined, and that is not a number; "second" wants at least 1, and that is not a number',
  );
});

test("a share held against more than 1, as percent would be, is told before anything boots, with the share that was meant", () => {
  const wrong: Given = (on) => ({
    few: atMost(ratio(on.plain.failures, on.plain.requests), 5),
    warm: between(on.cached.warm.completed / on.cached.warm.requests, 99.9, 100),
    good: atLeast(on.plain.goodput, 95),
    right: atLeast(on.plain.goodput, 0.95),
    inPercent: atMost((100 * on.plain.failures) / on.plain.requests, 5),
    times: atMost(ratio(on.cached.ttft.p50, on.plain.ttft.p50), 5),
    counted: atMost(on.plain.failures, 5),
    ofOther: atLeast(on.plain.goodput, on.cached.goodput! * 1.1),
  });
  expect(told(wrong)).toBe(
    'checks: "few" holds a share of 1 against 5: where 5 % is meant, say 0.05; ' +
      '"warm" holds a share of 1 against 99.9: where 99.9 % is meant, say 0.999; ' +
      '"good" holds a share of 1 against 95: where 95 % is meant, say 0.95',
  );
});

test("a share may be held against a multiple of another engine's, whatever that comes to", () => {
  for (const name of ["plain", "slow", "base", "old", "one", "local"]) {
    const twice = (on: Readonly<Record<string, EngineSummary>>) => ({ twice: atLeast(on["cached"]?.goodput, 2 * on[name]!.goodput!) });
    expect(() => refuseUnsoundChecks(twice, [name, "cached"])).not.toThrow();
  }
});

test("a limit may be made of the failures of a code, of which there may be none", () => {
  const sound: Given = (on) => ({
    worse: atMost(on.cached.failuresByCode["refused"], on.plain.failuresByCode["refused"]!),
    all: atMost(Object.values(on.cached.failuresByCode).length, on.plain.failures),
  });
  expect(told(sound)).toBe("nothing");
});

test("what else checks throw is left to the figures that are measured", () => {
  const fails: Given = () => {
    throw new RangeError("no such day");
  };
  expect(told(fails)).toBe("nothing");
});

test("what is no function, and an option that is wrong, are told before anything boots", () => {
  const atMots: unknown = undefined;
  expect(told((on) => ({ fast: (atMots as typeof atMost)(on.plain.ttft.p50, 1) }))).toBe("checks: TypeError: atMots is not a function");
  expect(told((on) => ({ few: mayFail(on.plain, 1 as never) }))).toMatch(/^checks: mayFail\(\)/);
});

test("what fails for other numbers of requests only is none of our business", () => {
  const limits: Readonly<Record<number, { readonly p50: number }>> = { 6: { p50: 1 } };
  const workload = documentQa({ contextTokens: 64, questionTokens: 8, documents: 1, requests: 6 });
  const asked = experiment({ workload, arrivals: every({ seconds: 1 }) });
  const checks: Given = (on) => ({ fast: atMost(on.plain.ttft.p50, limits[on.plain.requests]!.p50) });
  const sent = { experiment: asked, workload: workload.generate(asked.arrivals, 0, 0), laterBlocks: [] };
  expect(() => refuseUnsoundChecks(checks, engines, [sent])).not.toThrow();
  expect(() => refuseUnsoundChecks(checks, engines)).toThrow("checks: TypeError");
});

test.each<[string, () => unknown, string]>([
  ["a promise", async () => Promise.reject(new Error("late")), "they return a promise, and must not wait for anything"],
  ["nothing", () => undefined, "they must return an object of checks, not undefined"],
  ["a truth", () => ({ fine: true }), '"fine" is true, and no check, such as atMost(…) returns it'],
  [
    "a promise of one",
    () => ({ late: Promise.reject(new Error("late")) }),
    '"late" is a promise, and no check, such as atMost(…) returns it',
  ],
])("checks that give %s are told before anything boots", (_, checks, mistake) => {
  expect(told(checks as Given)).toBe(`checks: ${mistake}`);
});

test("limits made of figures are judged on such as may be measured: fewer fail than there are, and no engine is like another", () => {
  const sound: Given = (on) => {
    const { failures, requests } = on.plain;
    const share = failures / requests;
    const apart = on.plain.cold.ttft.p50! - on.cached.cold.ttft.p50!;
    const spread = Math.sqrt(on.plain.ttft.p90! - on.plain.ttft.p50!);
    return {
      sigma: atMost(on.cached.failures / on.cached.requests, share + 3 * Math.sqrt((share * (1 - share)) / requests)),
      apart: atMost(on.cached.ttft.p50, 1 / Math.abs(apart)),
      spread: atMost(on.cached.ttft.p50, spread),
      sometimes: atMost(on.cached.ttft.p50, Math.sqrt(apart)),
    };
  };
  expect(told(sound)).toBe("nothing");
});
