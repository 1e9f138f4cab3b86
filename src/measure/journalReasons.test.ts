import { expect, test } from "vitest";

import type { TestResult } from "../model/result.ts";
import { answered, experimentOf, resultOf } from "./fixture.ts";
import { damageReasons, unjudgedReasons } from "./journalReasons.ts";

test("an experiment whose own checks were not evaluated is INVALID, but not while the run goes on, nor where nothing was sent", () => {
  const experiment = experimentOf(answered("plain", [1]));
  const { description, ...run } = resultOf(experiment, ["plain"]);
  const checked: TestResult = { ...run, description: { ...description, checks: true } };
  const judged = (index: number): TestResult => ({ ...checked, events: [{ at: 0, event: { kind: "judged", experiment: index } }] });
  for (const unjudged of [checked, judged(1)]) expect(unjudgedReasons(experiment, unjudged)).toMatchObject([{ state: "INVALID" }]);
  for (const fine of [judged(0), { ...checked, stillRunning: true }, { ...run, description }]) {
    expect(unjudgedReasons(experiment, fine)).toEqual([]);
  }
  expect(unjudgedReasons({ ...experiment, records: [] }, checked)).toEqual([]);
});

test("every table that lacks its end is named", () => {
  const run = resultOf(experimentOf([]), ["plain"]);
  expect(damageReasons(run)).toEqual([]);
  expect(damageReasons({ ...run, damaged: ["a", "b"] })).toMatchObject([
    { state: "INVALID", what: expect.stringContaining("a and b lack") },
  ]);
});
