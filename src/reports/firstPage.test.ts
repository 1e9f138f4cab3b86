import { expect, test } from "vitest";

import { figuresOf, type TestFigures } from "../measure/testFigures.ts";
import type { TestResult } from "../model/result.ts";
import type { Block } from "./document.ts";
import { firstPage } from "./firstPage.ts";
import { fixture } from "./fixture.ts";

function page(result: TestResult, figures = figuresOf(result)): readonly Block[] {
  return firstPage(result, figures);
}

/** "alarm INVALID: …" */
function banners(blocks: readonly Block[]): readonly string[] {
  return blocks.flatMap((block) => (block.kind === "banner" ? [`${block.tone} ${block.text}`] : []));
}

function labelled(blocks: readonly Block[], label: string): readonly string[] {
  return blocks.flatMap((block) => (block.kind === "paragraph" && block.label === label ? [block.text] : []));
}

function withStates(figures: TestFigures, ...states: readonly ("VALID" | "DEGRADED" | "INVALID")[]): TestFigures {
  const experiments = figures.experiments.map((one, index) => ({ ...one, validity: { ...one.validity, state: states[index] ?? "VALID" } }));
  const state = (["INVALID", "DEGRADED"] as const).find((worst) => states.includes(worst)) ?? "VALID";
  return { experiments, validity: { ...figures.validity, state } };
}

test("an alarm tells that experiments are INVALID, and how many: one that is DEGRADED has none", () => {
  const result = fixture({ contexts: [8_192, 16_384], simulated: false });
  const told = (...states: readonly ("DEGRADED" | "INVALID")[]) => banners(page(result, withStates(figuresOf(result), ...states)));
  expect(told("DEGRADED", "DEGRADED")).toEqual([]);
  expect(told("DEGRADED", "INVALID")).toEqual([expect.stringMatching(/^alarm INVALID, 1 of 2 experiments: /)]);
});

test("every reason that marks the numbers is listed with what to do", () => {
  const result = fixture({ contexts: [8_192] });
  const degraded: TestResult = { ...result, description: { ...result.description, calibration: "off" } };
  const [list] = page(degraded).flatMap((block) => (block.kind === "list" ? [block.items] : []));
  expect(list).toContainEqual(expect.stringMatching(/own error is not known; .*run without --no-calibration/));
});

test("what is INVALID is in no figure of effects", () => {
  const result = fixture({ contexts: [8_192] });
  const figures = (of: TestFigures) => page(result, of).filter(({ kind }) => kind === "figure").length;
  expect([figures(figuresOf(result)), figures(withStates(figuresOf(result), "INVALID"))]).toEqual([1, 0]);
});

test("the numbers of a cache are in large type where one engine has them, and not of the first of several", () => {
  const large = (engines: readonly string[]) =>
    page(fixture({ contexts: [8_192], repeats: 6, engines })).some(({ kind }) => kind === "numbers");
  expect([large(["cached", "plain"]), large(["cached", "slow", "plain"])]).toEqual([true, false]);
});

test("checks of an experiment that is INVALID are withheld, and neither met nor unmet", () => {
  const result = fixture({ contexts: [8_192, 16_384] });
  const verdicts = [0, 1].map((experiment) => ({ experiment, check: "half", ok: experiment > 0, observed: 1, wanted: "at most 0.5" }));
  const blocks = page({ ...result, verdicts }, withStates(figuresOf(result), "INVALID"));
  expect(blocks.flatMap((block) => (block.kind === "heading" ? [block.text] : []))).toContain("Checks: all met");
  expect(JSON.stringify(blocks)).toContain('"met, 1 withheld"');
  const unmet = verdicts.map((verdict) => ({ ...verdict, ok: false }));
  const told = page({ ...result, verdicts: unmet }, withStates(figuresOf(result), "INVALID"));
  expect(JSON.stringify(told)).toContain('"NOT MET in 1 of 1, 1 withheld"');
});

test("one engine alone that was sent nothing, or completed nothing, is told of as that", () => {
  const { experiments, ...result } = fixture({ engines: ["only"], contexts: [64], requests: 3, ttft: () => undefined });
  expect(JSON.stringify(page({ experiments, ...result }))).toContain("only completed none of 3 requests.");
  const unsent = experiments.map((experiment) => ({ ...experiment, records: [] }));
  expect(JSON.stringify(page({ experiments: unsent, ...result }))).toContain("only was sent no request.");
});

test("an engine of which nothing was written down when the run was killed is not said to have been sent nothing", () => {
  const { experiments, ...result } = fixture({ engines: ["only"], contexts: [64], requests: 3 });
  const unwritten = experiments.map((experiment) => ({ ...experiment, records: [], neverDue: 3 }));
  const begun = { kind: "experimentStarted", experiment: 0, title: "", order: "together", engines: ["only"], requests: 3 } as const;
  const text = JSON.stringify(page({ ...result, experiments: unwritten, events: [{ at: 0, event: begun }], complete: false }));
  expect(text).toContain("only had no record of a request on the disk when the run was cut off.");
  expect(text).toContain("3 requests never fell due, or had not been written down yet");
});

test("why a gain is left out stands on the first page", () => {
  expect(labelled(page(fixture({ contexts: [8_192] })), "left out")).toEqual([expect.stringContaining("gain of ")]);
});

test("the table's cells are those of its columns", () => {
  const result = fixture({ contexts: [8_192], repeats: 6 });
  const [table] = page(result).flatMap((block) => (block.kind === "table" && block.columns[0]?.title === "Experiment" ? [block] : []));
  const titles = table?.columns.map(({ title }) => title) ?? [];
  const [summary] = figuresOf(result).experiments[0]?.summaries ?? [];
  const cell = (title: string) => table?.rows[0]?.[titles.indexOf(title)];
  expect(cell("Cold (of)")).toContain(`(${summary?.cold.ttft.count})`);
  expect(cell("Warm (of)")).toContain(`(${summary?.warm.ttft.count})`);
  expect(Number(cell("Tokens/s"))).toBeCloseTo(summary?.outputTokensPerSecond ?? NaN, 0);
  expect(Number(cell("Requests/s"))).toBeCloseTo(summary?.requestsPerSecond ?? NaN, 2);
  expect(cell("Failed")).toBe("0/60");
});
