import { expect, test } from "vitest";

import type { Comparison, ValidityState } from "../model/figures.ts";
import { codeOf, worst, type Judged } from "./exitCode.ts";

test("several at once: a bug before an interruption, then the author's mistake, an engine, INVALID, a check", () => {
  const codes = [0, 1, 4, 3, 2, 130, 70];
  for (const [index, code] of codes.entries()) expect(worst(codes.slice(0, index + 1))).toBe(code);
  expect(worst([])).toBe(0);
});

function experiment(state: ValidityState, ok: boolean, ...verdicts: readonly Comparison["verdict"][]): Judged {
  return { validity: { state }, verdicts: [{ ok: true }, { ok }], comparisons: verdicts.map((verdict) => ({ verdict })) };
}

/** Without --fail-on worse, and with it. */
function code(...experiments: readonly Judged[]): readonly number[] {
  return [false, true].map((failOnWorse) => codeOf({ experiments }, failOnWorse));
}

test("INVALID outranks a check that was not met, and a comparison counts only where it is asked to", () => {
  expect(code(experiment("VALID", true, "worse"))).toEqual([0, 1]);
  expect(code(experiment("VALID", false, "better"))).toEqual([1, 1]);
  expect(code(experiment("VALID", false, "better"), experiment("INVALID", true, "worse"))).toEqual([4, 4]);
});

test("a run that is DEGRADED ends as a VALID one, and only what is worse is a regression", () => {
  expect(code(experiment("DEGRADED", true, "better"))).toEqual([0, 0]);
  expect(code(experiment("DEGRADED", false, "worse"))).toEqual([1, 1]);
  expect(code(experiment("VALID", true, "better", "equivalent", "inconclusive"))).toEqual([0, 0]);
  expect(code(experiment("VALID", true, "better", "worse"))).toEqual([0, 1]);
});
