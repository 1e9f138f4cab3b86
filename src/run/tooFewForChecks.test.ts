import { expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import { atLeast, atMost } from "../measure/verdicts.ts";
import { experiment, type Slo } from "../model/experiment.ts";
import type { Checks } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { tooFewForChecks } from "./tooFewForChecks.ts";

/** What is told of checks on so many requests about one document. */
function told(checks: Checks<"a">, requests: number, blocks = 1, slo?: Slo): readonly string[] {
  const workload = documentQa({ contextTokens: 64, questionTokens: 8, documents: 1, requests });
  const asked = experiment({ workload, arrivals: every({ seconds: 1 }), title: "short", ...(slo === undefined ? {} : { slo }) });
  const sent = Array.from({ length: blocks }, (_, block) => ({ workload: workload.generate(asked.arrivals, 0, block) }));
  return tooFewForChecks(checks, ["a"], [{ experiment: asked, workload: sent[0]!.workload, laterBlocks: sent.slice(1) }]);
}

const tail: Checks<"a"> = (on) => ({ tail: atMost(on.a.ttft.p99, 1), all: atMost(on.a.failures, 0) });

test("a check on a percentile that takes more requests than there are is told beforehand, with how many it takes", () => {
  expect(told(tail, 661)).toEqual(['"tail" will not be met in short: a.ttft.p99 takes 662 requests, and there are 661']);
  expect(told(tail, 662)).toEqual([]);
  expect(told(tail, 331, 2)).toEqual([]);
});

test("so is one on requests of a kind that there are not, and a limit of such", () => {
  const checks: Checks<"a"> = (on) => ({ later: atMost(on.a.partial.ttft.p50, 1), warm: atLeast(on.a.warm.ttft.p50, on.a.cold.ttft.p90!) });
  expect(told(checks, 3)).toEqual([
    '"later" and "warm" will not be met in short: a.partial.ttft.p50 takes 1 request, and there are 0; a.cold.ttft.p90 takes 64 requests, and there is 1',
  ]);
});

test("so is one on goodput where there are no objectives", () => {
  const checks: Checks<"a"> = (on) => ({ kept: atLeast(on.a.goodput, 0.9), cold: atLeast(on.a.cold.goodput, 0.9) });
  expect(told(checks, 3)).toEqual([
    '"kept" and "cold" will not be met in short: a.goodput takes objectives, such as slo: { ttft: 0.5 } in the experiment; a.cold.goodput takes objectives, such as slo: { ttft: 0.5 } in the experiment',
  ]);
  expect(told(checks, 3, 1, { ttft: 1 })).toEqual([]);
});

test("checks that do without a percentile where it is missing are none of our business, nor are gaps, of which one request has many", () => {
  expect(told((on) => ({ tail: atMost(on.a.ttft.p99 ?? on.a.ttft.max, 1), gaps: atMost(on.a.itl.p99, 1) }), 12)).toEqual([]);
});

test("one that is left out where its percentile is missing is told like one that is not", () => {
  const checks: Checks<"a"> = (on) => (on.a.ttft.p90 === undefined ? {} : { tail: atMost(on.a.ttft.p90, 1) });
  expect(told(checks, 12)).toEqual(['"tail" will not be met in short: a.ttft.p90 takes 64 requests, and there are 12']);
  expect(told(checks, 64)).toEqual([]);
});
