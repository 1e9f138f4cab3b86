import { expect, test } from "vitest";

import type { ExperimentFigures } from "../measure/testFigures.ts";
import { codeOf, worst } from "./exitCode.ts";

test("several at once: a bug before an interruption, then the author's mistake, an engine, INVALID, a check", () => {
  const codes = [0, 1, 4, 3, 2, 130, 70];
  for (const [index, code] of codes.entries()) expect(worst(codes.slice(0, index + 1))).toBe(code);
  expect(worst([])).toBe(0);
});

test("INVALID outranks a check that was not met, and a comparison counts only where it is asked to", () => {
  const experiment = (state: "VALID" | "INVALID", ok: boolean, verdict: "better" | "worse") =>
    ({ validity: { state }, verdicts: [{ ok }], comparisons: [{ verdict }] }) as unknown as ExperimentFigures; // nothing else of it is looked at
  const code = (...experiments: readonly ExperimentFigures[]) =>
    [false, true].map((failOnWorse) => codeOf({ experiments, validity: { state: "VALID", reasons: [] } }, failOnWorse));
  expect(code(experiment("VALID", true, "worse"))).toEqual([0, 1]);
  expect(code(experiment("VALID", false, "better"))).toEqual([1, 1]);
  expect(code(experiment("VALID", false, "better"), experiment("INVALID", true, "worse"))).toEqual([4, 4]);
});
