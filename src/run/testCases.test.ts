import { expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import { simulated } from "../engines/simulated.ts";
import { experiment } from "../model/experiment.ts";
import { testCase } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { describeTest, leftOutWith, overridden } from "./testCases.ts";

const of = (seed: number) =>
  experiment({
    workload: documentQa({ contextTokens: 100, questionTokens: 4, documents: 1, requests: 10 }),
    arrivals: every({ seconds: 1 }),
    seed,
  });

const two = testCase({
  engines: { plain: simulated(), cached: simulated({ cpuCacheGigabytes: 5 }) },
  baseline: "plain",
  experiments: [of(0), of(5)],
  checks: () => ({}),
});

/** A file with one test function that returns this, and what comes of it. */
function described(returned: unknown) {
  const test = { name: "test_x", function: () => returned as typeof two }; // what a JavaScript author may return
  return describeTest({ path: "/tests/x.js", tests: [test] }, test, { model: "m", set: {} });
}

test("one test case goes by its function's name, several are numbered", () => {
  expect(described(two)).toMatchObject([{ name: "test_x", file: "/tests/x.js", testCase: two }]);
  expect(described([two, two])).toMatchObject([{ name: "test_x-1" }, { name: "test_x-2" }]);
});

test("an empty list is nothing to run today; no value at all is a return that was forgotten", () => {
  expect(described([])).toEqual([{ name: "test_x", isSkipped: true }]);
  expect(() => described(undefined)).toThrow("test_x: returns nothing");
  expect(() => described(null)).toThrow("test_x: returns null, not a test case");
});

test("a test case that was spread and changed is looked at again", () => {
  expect(() => described({ ...two, baseline: "plian" })).toThrow(
    'test_x: testCase(): there is no engine "plian" to be the baseline, did you mean "plain"?',
  );
});

test("--requests and --seed hold for every experiment, each with prompts of its own", () => {
  const { testCase } = overridden({ name: "test_x", testCase: two }, { ports: [], set: {}, seed: 7, requests: 3 });
  expect(testCase.experiments.map(({ seed }) => seed)).toEqual([7, 8]);
  expect(testCase.experiments.map(({ workload, arrivals, seed }) => workload.generate(arrivals, seed).requests.length)).toEqual([3, 3]);
});

test("with --requests a title tells the new number, unless the author gave the title", () => {
  const mine = { ...two, experiments: [of(0), { ...of(1), title: "ten questions" }] };
  const { testCase } = overridden({ name: "test_x", testCase: mine }, { ports: [], set: {}, requests: 3 });
  expect(testCase.experiments.map(({ title }) => title)).toEqual(["100 context tokens, 3 questions", "ten questions"]);
});

test("--only leaves the others out, and with them the baseline and checks that may speak of them", () => {
  const only = (...names: readonly string[]) => overridden({ name: "test_x", testCase: two }, { ports: [], set: {}, only: names }).testCase;
  expect(Object.keys(only("cached").engines)).toEqual(["cached"]);
  expect(only("cached")).not.toHaveProperty("baseline");
  expect(only("cached")).not.toHaveProperty("checks");
  expect(only("plain").baseline).toBe("plain");
});

test("what --only leaves out beside engines is said; of all of them it leaves out nothing", () => {
  const three = { ...two, engines: { ...two.engines, other: simulated() } };
  const said = (...only: readonly string[]) => leftOutWith({ name: "test_x", testCase: three }, { only });
  expect(said("plain")).toEqual(["test_x: nothing is checked: its checks may speak of cached and other, which --only leaves out"]);
  expect(said("cached", "other")).toEqual([
    "test_x: nothing is checked: its checks may speak of plain, which --only leaves out",
    "test_x: nothing is compared: --only leaves out plain, its baseline",
  ]);
  expect(said("plain", "cached", "other")).toEqual([]);
  expect(leftOutWith({ name: "test_x", testCase: three }, {})).toEqual([]);
  const all = { ports: [], set: {}, only: ["cached", "plain"] };
  expect(overridden({ name: "test_x", testCase: two }, all).testCase).toMatchObject({ baseline: "plain", checks: two.checks });
});
