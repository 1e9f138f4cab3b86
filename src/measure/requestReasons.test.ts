import { expect, test } from "vitest";

import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { TestResult } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { answered, experimentOf, resultOf } from "./fixture.ts";
import { requestReasons } from "./requestReasons.ts";
import { engineSummary } from "./summary.ts";

const engines = ["plain", "cached"];
const twenty = (engine: string) => answered(engine, Array<number>(20).fill(0.5));
const both = [...twenty("plain"), ...twenty("cached")];

function found(records: readonly RequestRecord[], result: Partial<TestResult> = {}, neverDue = 0) {
  const experiment = experimentOf(records, [], neverDue);
  const summaries = engines.map((engine) => engineSummary(engine, records));
  return requestReasons(experiment, { ...resultOf(experiment, engines), ...result }, { summaries, deaths: [] });
}

function endingIn(outcome: RequestRecord["outcome"], count: number): readonly RequestRecord[] {
  return both.map((one) => (one.engine === "plain" && one.request < count ? { ...one, outcome } : one));
}

test("requests that were cut off are a share of their own engine's: two of twenty are too many, whatever another engine did", () => {
  expect(found(endingIn({ kind: "cancelled" }, 1))).toMatchObject([{ state: "DEGRADED", engine: "plain", exceeded: { value: 0.05 } }]);
  expect(found(endingIn({ kind: "cancelled" }, 2))).toMatchObject([{ state: "INVALID", engine: "plain", exceeded: { value: 0.1 } }]);
});

test("requests that never fell due are a share of all that were to", () => {
  expect(found(both, {}, 10)).toMatchObject([{ state: "INVALID", exceeded: { name: "neverDue", value: 0.2 } }]);
});

test("what the harness's machine had no port for is no failure of an engine", () => {
  expect(found(endingIn(failed("exhausted", "EMFILE"), 5))).toEqual([]);
  expect(found(endingIn(failed("refused", ""), 5))).toMatchObject([{ state: "INVALID", engine: "plain" }]);
});

test("of requests beyond a server's limit it is told that the harness's own questions may count towards it", () => {
  const limited = endingIn(failed("http-status", "HTTP 429: slow down"), 5);
  const answering = (status: number) =>
    limited.map((record, index) => (record.outcome.kind === "failed" ? { ...record, status: index === 0 ? 500 : status } : record));
  const advice = (status: number) => found(answering(status))[0]?.advice;
  expect(advice(429)).toMatch(/\(http-status 5\); 4 got HTTP 429: .* own questions may count too .* lower the rate/);
  expect(advice(503)).not.toContain("429");
});

test("how many may fail is what a check says of this engine and experiment, and only while it is met", () => {
  const verdict = { experiment: 0, check: "", ok: true, wanted: "", allowsFailuresOf: "plain" };
  const state = (of: Partial<typeof verdict>) => found(endingIn(failed("refused", ""), 5), { verdicts: [{ ...verdict, ...of }] })[0]?.state;
  expect(state({})).toBe("DEGRADED");
  expect([{ ok: false }, { experiment: 1 }, { allowsFailuresOf: "cached" }].map(state)).toEqual(["INVALID", "INVALID", "INVALID"]);
});

test("an engine that was sent nothing is the reason, but not while the run goes on", () => {
  expect(found(twenty("plain"))).toMatchObject([{ state: "INVALID", engine: "cached", what: "was sent no request" }]);
  expect(found(twenty("plain"), { stillRunning: true })).toEqual([]);
});

test("that the run ended before anything of an experiment was due is said once, and not again of each engine that was sent nothing", () => {
  expect(found([], { complete: false }, 40).map(({ what }) => what)).toEqual(["the run ended before 40 of 40 requests were due"]);
});

test("of an experiment amid which the run was killed nobody knows what was sent last: it is said that nothing was written down, not that nothing was sent", () => {
  const begun = { kind: "experimentStarted", experiment: 0, title: "", order: "together", engines, requests: 40 } as const;
  const over = { kind: "experimentEnded", experiment: 0, took: 1 } as const;
  const ended = { kind: "testEnded", test: "test_figures" } as const;
  const whats = (records: readonly RequestRecord[], neverDue: number, kinds: readonly RunEvent[]) =>
    found(records, { complete: false, events: kinds.map((event) => ({ at: 0, event })) }, neverDue).map(({ what }) => what);
  const unwritten = "the run ended before 40 of 40 requests were due, or their records had reached the disk";
  expect(whats([], 40, [begun])).toEqual([unwritten]);
  expect(whats(twenty("plain"), 20, [begun])).toEqual([
    unwritten.replace("40 of", "20 of"),
    "had no record of a request on the disk when the run was cut off",
  ]);
  const unsent = ["the run ended before 20 of 40 requests were due", "was sent no request"];
  for (const kinds of [[], [begun, over], [begun, ended]]) expect(whats(twenty("plain"), 20, kinds)).toEqual(unsent);
});
