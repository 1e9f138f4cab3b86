import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { experiment } from "../model/experiment.ts";
import type { Arrivals } from "../model/workload.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { tooFewForVerdicts } from "./tooFewForVerdicts.ts";

/** What is told of so many requests about one document, of which the first is cold. */
function told(arrivals: Arrivals, requests: number, { repeats = 1, documents = 1, name = "test_mine" } = {}): readonly string[] {
  const workload = documentQa({ contextTokens: 64, questionTokens: 8, documents, requests });
  const asked = experiment({ workload, arrivals, repeats, title: "short" });
  return tooFewForVerdicts(name, [{ experiment: asked, workload: workload.generate(arrivals, 0, 0) }]);
}

test("one burst settles nothing, and five do not: that is told beforehand", () => {
  expect(told(atOnce(), 60)).toEqual([
    "which engine is better will not be settled in short: its 59 warm requests come in one wave, and a verdict takes 6: say repeats",
  ]);
  expect(told(atOnce(), 60, { repeats: 5 })[0]).toContain("come in 5 waves");
  expect(told(atOnce(), 60, { repeats: 6 })).toEqual([]);
});

test("rounds of a closed loop's users are waves", () => {
  expect(told(closedLoop({ concurrency: 10 }), 50)[0]).toMatch(
    /in short: .* come in 5 waves, .* say repeats, or have more requests, or fewer users at a time$/,
  );
  expect(told(closedLoop({ concurrency: 10 }), 51)).toEqual([]);
  expect(told(closedLoop({ concurrency: 60 }), 60, { repeats: 6 })).toEqual([]);
});

test("cold requests of which all come at the beginning of a closed loop are told, also where warm ones are enough", () => {
  expect(told(closedLoop({ concurrency: 16 }), 192, { documents: 20 })).toEqual([
    "which engine is better for cold requests will not be settled in short: its 20 cold requests come in 2 waves, and a verdict takes 6: say repeats, or have more documents, or fewer users at a time",
  ]);
  expect(told(closedLoop({ concurrency: 16 }), 192, { documents: 20, repeats: 3 })).toEqual([]);
});

test("who wrote no test is told what flags do, and not to say repeats", () => {
  expect(told(closedLoop({ concurrency: 60 }), 60, { name: "attach" })[0]).toMatch(
    / come in one wave, and a verdict takes 6: ask for more --requests, or lower --concurrency$/,
  );
});

test("so are too few requests, however they come", () => {
  expect(told(every({ seconds: 1 }), 6)).toEqual([
    "which engine is better will not be settled in short: it has 5 requests of a kind, and a verdict takes 6",
  ]);
  expect(told(every({ seconds: 1 }), 7)).toEqual([]);
});
