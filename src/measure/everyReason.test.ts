import { expect, test } from "vitest";

import type { ValidityState } from "../model/figures.ts";
import type { EngineProof } from "../model/proof.ts";
import type { EngineDescription, ExperimentDescription, ExperimentResult, TestDescription, TestResult } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { answered, experimentOf, resultOf } from "./fixture.ts";
import { figuresOf } from "./testFigures.ts";

const started: RunEvent = { kind: "experimentStarted", experiment: 0, title: "", order: "together", engines: ["plain"], requests: 10 };
const ended: RunEvent = { kind: "testEnded", test: "test_figures" };
const asked: EngineProof = { engine: "plain", checks: [], traits: [] };
const answers = [{ first: { text: "a" }, again: { text: "b" } }];

/** What one run of ten requests has beside them. */
interface Beside {
  readonly result?: Partial<TestResult>;
  readonly description?: Partial<TestDescription>;
  readonly asked?: Partial<ExperimentDescription>;
  readonly experiment?: Partial<ExperimentResult>;
  readonly engine?: Partial<EngineDescription>;
  readonly event?: RunEvent;
}

// Each kind is tested by itself where it is found; this is that it is heard.
test.each<[what: string, state: ValidityState, beside: Beside]>([
  ["plain: exited", "INVALID", { event: { kind: "died", engine: "plain", message: "plain: exited" } }],
  ["was started anew", "INVALID", { event: { kind: "restarted", engine: "plain", message: "another process" } }],
  ["somebody else listens", "INVALID", { event: { kind: "portShared", engine: "plain", message: "somebody else listens" } }],
  [
    "was unwell for 9 s",
    "DEGRADED",
    { event: { kind: "unwell", name: "plain", engines: ["plain"], message: "503", lasted: 9 }, experiment: { span: { from: 0, to: 1e9 } } },
  ],
  ["before 1 of 11 requests were due", "INVALID", { experiment: { neverDue: 1 } }],
  ["the harness was at its limit", "DEGRADED", { experiment: { readings: [{ at: 0, series: "cpu-share", of: "harness", value: 1 }] } }],
  ["the harness's own error is not known", "DEGRADED", { description: { calibration: "off" } }],
  ["not played again afterwards", "DEGRADED", { description: { calibration: "on" } }],
  ["answered 1 of 1 prompts otherwise", "DEGRADED", { result: { proofs: [{ ...asked, answers }] } }],
  [
    "is not what was asked for",
    "INVALID",
    { result: { proofs: [{ ...asked, checks: [{ what: "LMCache", wanted: "on", found: "off", ok: false }] }] } },
  ],
  [
    "was slowed down in 100 % of its readings",
    "DEGRADED",
    { engine: { gpus: ["0"] }, experiment: { readings: [{ at: 1e9, series: "gpu-throttle-reasons", of: "gpu-0", value: 0x40 }] } },
  ],
  [
    "sent 2 replies that nobody had asked for",
    "DEGRADED",
    { experiment: { readings: [{ at: 1e9, series: "unasked-replies-count", of: "plain", value: 2 }] } },
  ],
  ["its checks were not evaluated", "INVALID", { description: { checks: true } }],
  ["its journal was damaged", "INVALID", { result: { damaged: ["stamps.arrow"] } }],
  ["with fewer tokens than it was told to", "DEGRADED", { engine: { lengths: "fixed" } }],
  ["sent more of these prompts by earlier tests", "DEGRADED", { asked: { askedBefore: ["plain"] } }],
  ["a CSV says neither", "DEGRADED", { result: { gapsUnknown: true } }],
])("%s: %s", (what, state, beside) => {
  const { validity } = figuresOf(resultBeside(beside)).experiments[0] ?? {};
  expect(validity).toMatchObject({ state, reasons: [{ state, what: expect.stringContaining(what) as string }] });
});

test("two engines at one address: DEGRADED", () => {
  const { description, ...result } = resultOf(experimentOf([...answeredByAll("plain"), ...answeredByAll("b")]), ["plain", "b"]);
  const engines = description.engines.map((engine) => ({ ...engine, url: "http://localhost:8000" }));
  expect(figuresOf({ ...result, description: { ...description, engines } }).validity.reasons).toMatchObject([
    { state: "DEGRADED", what: expect.stringContaining("plain and b are one server") as string },
  ]);
});

function resultBeside({ result, description, asked: limits, experiment, engine, event }: Beside): TestResult {
  const usual = experimentOf(answeredByAll("plain"));
  const measured = { ...usual, ...experiment, description: { ...usual.description, ...limits } };
  const { description: described, ...rest } = resultOf(measured, ["plain"]);
  const engines = described.engines.map((one) => ({ ...one, ...engine }));
  const events = [started, ...(event === undefined ? [] : [event]), ended].map((one) => ({ at: 1e9, event: one }));
  return { ...rest, events, ...result, description: { ...described, engines, ...description } };
}

function answeredByAll(engine: string) {
  return answered(engine, Array<number>(10).fill(0.5), { maxOutputTokens: 4 });
}
