import type { Comparison, ValidityState } from "../model/figures.ts";
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

/** What of an experiment's figures decides how its run ends. */
export interface Judged {
  readonly validity: { readonly state: ValidityState };
  readonly verdicts: readonly { readonly ok: boolean }[];
  readonly comparisons: readonly Pick<Comparison, "verdict">[];
}

/** Of a test that came to its end: INVALID 4; a check that was not met, or with --fail-on worse a regression, 1. */
export function codeOf({ experiments }: { readonly experiments: readonly Judged[] }, failOnWorse: boolean): ExitCode {
  const codes = experiments.map(({ validity, verdicts, comparisons }) => {
    if (validity.state === "INVALID") return 4;
    const regressed = failOnWorse && comparisons.some((comparison) => comparison.verdict === "worse");
    return regressed || verdicts.some((verdict) => !verdict.ok) ? 1 : 0;
  });
  return worst(codes);
}
