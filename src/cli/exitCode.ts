import type { TestFigures } from "../measure/testFigures.ts";
import type { Call } from "./flags.ts";

/** How a run ends; several at once: the first of these (design section 8). */
const precedence = [70, 130, 2, 3, 4, 1, 0] as const;

export type ExitCode = (typeof precedence)[number];

export function worst(codes: readonly number[]): ExitCode {
  return precedence.find((code) => codes.includes(code)) ?? 0;
}

export function failsOnWorse({ options }: Pick<Call, "options">): boolean {
  return options["failOn"] === "worse";
}

/** Of a test that came to its end: INVALID 4; a check that was not met, or with --fail-on worse a regression, 1. */
export function codeOf({ experiments }: TestFigures, failOnWorse: boolean): ExitCode {
  const codes = experiments.map(({ validity, verdicts, comparisons }) => {
    if (validity.state === "INVALID") return 4;
    const regressed = failOnWorse && comparisons.some((comparison) => comparison.verdict === "worse");
    return regressed || verdicts.some((verdict) => !verdict.ok) ? 1 : 0;
  });
  return worst(codes);
}
