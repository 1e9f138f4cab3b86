import { expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import { atMost } from "../measure/verdicts.ts";
import { experiment } from "../model/experiment.ts";
import type { Check } from "../model/figures.ts";
import type { Checks } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { promisedChecks } from "./promisedChecks.ts";

/** What is promised of 12 questions about one document: one cold request, and 11 warm ones. */
function promised(checks: Checks<"a">) {
  const asked = experiment({
    workload: documentQa({ contextTokens: 64, questionTokens: 8, documents: 1, requests: 12 }),
    arrivals: every({ seconds: 1 }),
  });
  return promisedChecks(checks, ["a"], { experiment: asked, workload: asked.workload.generate(asked.arrivals, 0, 0), laterBlocks: [] });
}

test("a check that is returned where its figures are there is promised, also where there are too few requests for them", () => {
  expect(
    promised((on) => ({
      ...(on.a.ttft.p90 === undefined ? {} : { p90: atMost(on.a.ttft.p90, 1) }),
      ...(on.a.goodput === undefined ? {} : { kept: atMost(on.a.goodput, 1) }),
      ...(on.a.partial.ttft.p50 === undefined ? {} : { partial: atMost(on.a.partial.ttft.p50, on.a.ttft.max!) }),
    })),
  ).toEqual([{ check: "p90", wanted: "at most 1" }, { check: "kept", wanted: "at most 1" }, { check: "partial" }]);
});

test("one that the author leaves out for how many requests there are, or for what is measured, is not", () => {
  expect(
    promised((on) => {
      const checks: Record<string, Check> = { [`of ${on.a.ttft.p50}`]: atMost(0, 1) };
      if (on.a.requests > 100) checks["many"] = atMost(on.a.ttft.p90, 1);
      if (on.a.partial.requests > 0) checks["partial"] = atMost(on.a.partial.ttft.p50, 1);
      if (on.a.cold.ttft.p50! > on.a.warm.ttft.p50!) checks["gain"] = atMost(1, 1);
      if (on.a.warm.requests > 0) checks["warm"] = atMost(on.a.warm.failures, 1);
      return checks;
    }),
  ).toEqual([{ check: "warm", wanted: "at most 1" }]);
});

test("nothing is, of checks that fail", () => {
  const fails: Checks<"a"> = () => {
    throw new RangeError("no such day");
  };
  expect(promised(fails)).toEqual([]);
});
