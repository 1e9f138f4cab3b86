import { expect, test } from "vitest";

import { defaultDeadlines } from "../model/experiment.ts";
import type { ExperimentDescription } from "../model/result.ts";
import { deadlinesPhrase, experimentSettings } from "./conditions.ts";

const plain: ExperimentDescription = {
  title: "9 tokens",
  workload: { kind: "documentQa", options: {}, hash: "", requests: 10 },
  arrivals: { kind: "every", options: { seconds: 8 }, phrase: "one every 8 s" },
  order: "inTurn",
  repeats: 1,
  seed: 7,
  deadlines: defaultDeadlines,
};

test("an experiment's settings name what differs from the usual: blocks, caches, margin, objectives", () => {
  expect(experimentSettings(plain, 2)).toBe("10 requests to each engine, one every 8 s, one engine after the other, seed 7.");
  expect(experimentSettings(plain, 1)).toBe("10 requests, one every 8 s, seed 7.");
  expect(experimentSettings({ ...plain, repeats: 2, cacheState: "cold", margin: 0.02 }, 2)).toBe(
    "10 requests to each engine, one every 8 s, one engine after the other, in each of 2 blocks, caches emptied before, margin 2 %, seed 7.",
  );
  expect(experimentSettings({ ...plain, slo: { ttft: 0.1234, e2e: 5 } }, 1)).toContain("to keep TTFT within 123.4 ms and E2E within 5 s");
  expect(experimentSettings({ ...plain, slo: { ttft: 0.5, tpot: 0.05 } }, 1)).toBe(
    "10 requests, one every 8 s, to keep TTFT within 500 ms and TPOT within 50 ms, seed 7.",
  );
});

test("what a CSV does not tell of its experiment is not said", () => {
  const { seed: _seed, order: _order, deadlines: _deadlines, ...told } = plain;
  expect(experimentSettings({ ...told, arrivals: { kind: "unknown", options: {} } }, 2)).toBe(
    "10 requests to each engine, arrivals unknown.",
  );
});

test("arrivals go by their own words, and by their kind and options where they have none", () => {
  const arrivals = { kind: "ramp", options: { from: 1, to: 5 } };
  expect(experimentSettings({ ...plain, arrivals }, 1)).toBe("10 requests, arrivals ramp (from 1, to 5), seed 7.");
  expect(experimentSettings({ ...plain, arrivals: { ...arrivals, phrase: "ever more" } }, 1)).toBe("10 requests, ever more, seed 7.");
});

test("deadlines are told in seconds, that of the experiment where there is one", () => {
  expect(deadlinesPhrase(defaultDeadlines)).toBe("connect 5, first token 120, idle stream 60, whole request 600");
  expect(deadlinesPhrase({ ...defaultDeadlines, connect: 0.5, experiment: 90 })).toBe(
    "connect 0.5, first token 120, idle stream 60, whole request 600, experiment 90",
  );
});

test("limits that an experiment changed are among its settings: nobody should have to ask", () => {
  const limits = { saturation: false, sendLag: { degraded: 0.02, invalid: 0.1 } } as const;
  expect(experimentSettings({ ...plain, limits }, 2)).toContain(
    ", saturation not judged, sendLag DEGRADED above 20 ms and INVALID above 100 ms, seed 7.",
  );
});
