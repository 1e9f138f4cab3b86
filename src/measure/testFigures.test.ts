import { expect, test } from "vitest";
import type { EngineSummary, Verdict } from "../model/figures.ts";
import { failed } from "../model/outcome.ts";
import type { EngineProof } from "../model/proof.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import type { Seconds } from "../model/time.ts";
import { answered, experimentOf, resultOf as resultOfOne } from "./fixture.ts";
import { rulerReadings } from "./rulerError.ts";
import { figuresOf, totalsOf } from "./testFigures.ts";

const fast = Array<number>(10).fill(0.5);
const slow = Array<number>(10).fill(1);
/** As many as it takes to be equivalent. */
const often = (wait: number) => Array<number>(60).fill(wait);

test("figures join summaries, comparisons, cache answers, validity and verdicts of each experiment", () => {
  const { experiments, validity } = figuresOf(
    resultOf([...answered("plain", often(1)), ...answered("b", often(1)), ...answered("a", often(0.5))]),
  );
  const [figures] = experiments;
  expect(figures?.summaries.map(({ engine, requests }) => [engine, requests])).toEqual([
    ["b", 60],
    ["a", 60],
    ["plain", 60],
  ]);
  expect(figures?.comparisons.map(({ other, metric, verdict }) => `${other} ${metric} ${verdict}`)).toEqual([
    "b ttft equivalent",
    "b throughput equivalent",
    "a ttft better",
    "a throughput equivalent",
  ]);
  expect(figures?.cacheAnswers).toEqual([]);
  expect(validity.state).toBe("VALID");
});

test("what engines of one description differ by is a margin of the others' comparisons", () => {
  const result = resultOf([...answered("plain", often(1)), ...answered("b", often(1.5)), ...answered("a", often(0.8))]);
  const verdicts = (alike: readonly (readonly string[])[]) =>
    figuresOf({ ...result, description: { ...result.description, alike } }).experiments[0]?.comparisons.flatMap(
      ({ other, metric, verdict }) => (metric === "ttft" ? [`${other} ${verdict}`] : []),
    );
  expect(verdicts([])).toEqual(["b worse", "a better"]);
  expect(verdicts([["plain", "b"]])).toEqual(["b worse", "a inconclusive"]);
});

test("one engine that tells cached tokens makes all of them rows of what a cache brings", () => {
  const records = [...answered("plain", slow), ...answered("b", slow), ...answered("a", fast, { cachedTokens: 16 })];
  const { experiments } = figuresOf(resultOf(records));
  expect(experiments[0]?.cacheAnswers.map(({ engine, cold, keeps = "nothing" }) => `${engine} ${cold} ${keeps}`)).toEqual([
    "b 1 nothing",
    "a 0.5 own",
    "plain 1 nothing",
  ]);
});

test("without a baseline nothing is compared", () => {
  const { baseline: _, ...alone } = resultOf(answered("plain", slow)).description;
  expect(figuresOf({ ...resultOf(answered("plain", slow)), description: alone }).experiments[0]?.comparisons).toEqual([]);
});

test("an experiment has its own verdicts only", () => {
  const verdicts = [verdict({ experiment: 0, check: "mine" }), verdict({ experiment: 1, check: "another's" })];
  const figures = figuresOf(resultOf(answered("plain", slow), verdicts));
  expect(figures.experiments[0]?.verdicts.map(({ check }) => check)).toEqual(["mine"]);
});

test("a check that says how many of an engine's requests may fail allows them while it is met; no other check does", () => {
  const records = ["a", "b", "plain"].flatMap((engine) => answered(engine, slow).map((one) => failingFirst(one, engine === "a" ? 2 : 0)));
  const stateWith = (...verdicts: readonly Verdict[]) => figuresOf(resultOf(records, verdicts)).validity.state;
  expect(stateWith()).toBe("INVALID");
  expect(stateWith(verdict({ observed: 2, wanted: "at most 3", allowsFailuresOf: "a" }))).toBe("DEGRADED");
  expect(stateWith(verdict({ observed: 2, wanted: "at most 1", allowsFailuresOf: "a", ok: false }))).toBe("INVALID");
  expect(stateWith(verdict({ observed: 0, wanted: "at most 3", allowsFailuresOf: "b" }))).toBe("INVALID");
  expect(stateWith(verdict({ observed: 2, wanted: "at most 3" }))).toBe("INVALID");
});

test("the margin that an experiment states is the one its engines are compared with", () => {
  const result = resultOf([...answered("plain", often(1)), ...answered("a", often(0.98))]);
  const verdicts = (margin: number) => {
    const experiments = result.experiments.map((one) => ({ ...one, description: { ...one.description, margin } }));
    return figuresOf({ ...result, experiments }).experiments[0]?.comparisons.map(({ verdict }) => verdict);
  };
  expect(verdicts(0.05)).toEqual(["equivalent", "equivalent"]);
  expect(verdicts(0.01)).toEqual(["better", "equivalent"]);
});

test("the harness's own error is a margin, too: what is within it is no difference", () => {
  const result = resultOf([...answered("plain", often(1)), ...answered("a", often(0.8))]);
  const ttftWith = (error: Seconds) => {
    const ruler = rulerReadings("replay after", { ttft: { count: 9, p50: 0, max: error } }).map((one) => ({ ...one, at: 0 }));
    const experiments = result.experiments.map((one) => ({ ...one, readings: ruler }));
    return figuresOf({ ...result, experiments }).experiments[0]?.comparisons.find(({ metric }) => metric === "ttft")?.verdict;
  };
  expect([0.01, 0.4].map(ttftWith)).toEqual(["better", "inconclusive"]);
});

test("what an engine keeps is what its own proofs say, of this experiment or of all", () => {
  const result = resultOf([...answered("plain", slow), ...answered("a", slow), ...answered("b", slow)]);
  const reuse = { own: false, external: true };
  const keptWith = (...proofs: readonly Partial<EngineProof>[]) => {
    const proven = proofs.map((proof) => ({ engine: "a", checks: [], traits: [], ...proof }));
    return figuresOf({ ...result, proofs: proven }).experiments[0]?.cacheAnswers.flatMap(({ engine, keeps = "" }) => `${engine} ${keeps}`);
  };
  expect(keptWith({ reuse })).toEqual(["b ", "a beside", "plain "]);
  expect(keptWith({ reuse, experiment: 0 }, { engine: "b", reuse: { ...reuse, own: true, external: false } })).toEqual([
    "b own",
    "a beside",
    "plain ",
  ]);
  expect(keptWith({ reuse, experiment: 1 })).toEqual([]);
});

test("a reason that holds in one of two experiments is told with its title", () => {
  const [{ description, ...one }] = resultOf(answered("plain", slow)).experiments as [ExperimentResult];
  const other = {
    ...one,
    description: { ...description, title: "200 context tokens" },
    records: one.records.map((record) => failingFirst(record, 9)),
  };
  const result = resultOf(answered("plain", slow));
  const { reasons } = figuresOf({ ...result, experiments: [{ ...one, description }, other] }).validity;
  expect(reasons.map(({ what }) => what)).toEqual([expect.stringMatching(/^200 context tokens: .*9 of 10/)]);
});

test("of a file that has only first and last tokens there is no time between tokens, cold or warm, and all else there is", () => {
  const [known, unknown] = [false, true].map((gapsUnknown) => {
    const records = slow.flatMap((wait, request) => answered("plain", [wait], { request, cache: request < 5 ? "cold" : "warm" }));
    return figuresOf({ ...resultOf(records), gapsUnknown }).experiments[0]?.summaries[0];
  });
  const itls = (summary: EngineSummary | undefined) => [summary?.itl, summary?.cold.itl, summary?.warm.itl].map((itl) => itl?.count);
  expect([itls(known), itls(unknown)]).toEqual([
    [20, 10, 10],
    [0, 0, 0],
  ]);
  expect([unknown?.ttft, unknown?.cold.tpot, unknown?.warm.e2e]).toEqual([known?.ttft, known?.cold.tpot, known?.warm.e2e]);
});

test("totals count every engine's requests, and those that never fell due", () => {
  const records = [...answered("a", fast), ...answered("plain", slow).map((one) => failingFirst(one, 3))];
  expect(totalsOf(resultOf(records, [], 4))).toEqual({ requests: 20, completed: 17, failures: 3, cancelled: 0, neverDue: 4 });
});

test("the same result gives the same figures to the last bit", () => {
  const noisy = (engine: string) =>
    answered(
      engine,
      Array.from({ length: 12 }, (_, index) => 1 + 0.3 * Math.sin(index * engine.length * 1.7)),
    );
  const result = resultOf([...noisy("plain"), ...noisy("a"), ...noisy("b")]);
  expect(JSON.stringify(figuresOf(result))).toBe(JSON.stringify(figuresOf(result)));
});

test("a calibrated run whose load was not played again is DEGRADED, unless it still goes on, or was not calibrated at all", () => {
  const run = resultOf(answered("plain", slow));
  const withCalibration = (calibration: "on" | "off" | "virtual", readings: readonly Reading[] = []): TestResult => ({
    ...run,
    description: { ...run.description, calibration },
    experiments: run.experiments.map((experiment) => ({ ...experiment, readings })),
  });
  const replayed = rulerReadings("replay after", { stamp: { count: 9, p50: 0, max: 1e-5 } }).map((one) => ({ ...one, at: 0 }));
  const told = (result: TestResult) => figuresOf(result).validity.reasons.map(({ what }) => what);
  const errorIs = (known: string) => [`its load was not played again afterwards: the harness's own error is ${known}`];
  const controlled = rulerReadings("control stream", { stamp: { count: 9, p50: 0, max: 1e-5 } }).map((one) => ({ ...one, at: 0 }));
  expect(told(withCalibration("on"))).toEqual(errorIs("not known"));
  expect(told(withCalibration("on", controlled))).toEqual(errorIs("known only by the stream of control"));
  expect(told(withCalibration("on", replayed))).toEqual([]);
  expect(told(withCalibration("virtual"))).toEqual([]);
  expect(told({ ...withCalibration("on"), complete: false, stillRunning: true })).toEqual([]);
  const nothingCame = withCalibration("on").experiments.map((experiment) => ({ ...experiment, records: [] }));
  expect(told({ ...withCalibration("on"), experiments: nothingCame })).not.toContainEqual(expect.stringContaining("played again"));
});

test("what kept a load from being played again, its own process or an engine that died, is what the advice is about", () => {
  const adviceAfter = (...events: readonly RunEvent[]) => {
    const run = resultOf(answered("plain", slow));
    const described = { ...run, description: { ...run.description, calibration: "on" as const } };
    const { reasons } = figuresOf({ ...described, events: events.map((event) => ({ at: 0, event })) }).validity;
    return reasons.find(({ what }) => what.includes("played again"))?.advice;
  };
  const ended: RunEvent = { kind: "testEnded", test: "test_figures" };
  expect(adviceAfter(ended)).toContain("must be left alone");
  expect(adviceAfter({ kind: "died", engine: "plain", message: "plain exited" }, ended)).toBe("run it again to its end");
  expect(adviceAfter({ kind: "interrupted", signal: "SIGINT" }, ended)).toBe("run it again to its end");
  expect(adviceAfter()).toBe("run it again to its end");
});

function resultOf(records: readonly RequestRecord[], verdicts: readonly Verdict[] = [], neverDue = 0): TestResult {
  const names = ["b", "a", "plain"].filter((name) => records.some(({ engine }) => engine === name));
  return { ...resultOfOne(experimentOf(records, [], neverDue), names, names), verdicts };
}

function verdict(differing: Partial<Verdict>): Verdict {
  return { experiment: 0, check: "a check", ok: true, wanted: "at most 0", ...differing };
}

function failingFirst(record: RequestRecord, count: number): RequestRecord {
  return record.request < count ? { ...record, outcome: failed("idle-timeout", "") } : record;
}
