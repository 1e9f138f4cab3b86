import { expect, test } from "vitest";

import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { TestResult } from "../model/result.ts";
import { answered, experimentOf, record, resultOf } from "./fixture.ts";
import { csvReasons, damageReasons, unjudgedReasons } from "./journalReasons.ts";

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

test("of a CSV that does not tell when a failed request ended it is said whose requests/s are missing for that", () => {
  const { ended: _, ...lost } = record([], { request: 1, engine: "cached", outcome: failed("bad-response", "") });
  const reasonOf = (records: readonly RequestRecord[]) =>
    csvReasons(experimentOf(records), { ...resultOf(experimentOf(records), ["plain", "cached"]), gapsUnknown: true });
  const good = answered("plain", [1]);
  expect(reasonOf([...good, lost])[0]?.what).toMatch(
    /; when what failed had ended this one does not say, so there are no requests\/s of cached$/,
  );
  expect(reasonOf([...good, { ...lost, ended: 3e9 }])[0]?.what).toMatch(/\(the last one is taken for it\)$/);
});
