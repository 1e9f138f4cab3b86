import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentDescription } from "../model/result.ts";

/** Of prompts that are those of an earlier test, such as recorded ones, one engine has what the other has to compute. */
export function askedBeforeReasons({ askedBefore = [] }: Pick<ExperimentDescription, "askedBefore">): readonly ValidityReason[] {
  return askedBefore.map((engine) => ({
    state: "DEGRADED" as const,
    what: "was sent more of these prompts by earlier tests of this run than the other engines were",
    advice: "do not compare them: run this test by itself against servers that were started anew, or give it prompts of its own",
    engine,
  }));
}
