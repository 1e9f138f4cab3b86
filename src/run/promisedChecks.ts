import type { PromisedCheck } from "../measure/verdicts.ts";
import type { Checks } from "../model/testCase.ts";
import { sizesOf, type Asked } from "./sizesOf.ts";
import { entriesIn, triedOften } from "./triedChecks.ts";

/**
 * What checks return for as many requests as an experiment has, whatever the figures are, as long as all of them are there. One that is then not
 * returned for what was measured is left out because a figure is missing: it was not met, or nobody would hear that it was not looked at.
 */
export function promisedChecks(checks: Checks<string>, engines: readonly string[], asked: Asked): readonly PromisedCheck[] {
  const { sizes } = sizesOf(asked);
  const tries = triedOften(checks, engines, { sizes, lacksNothing: true }).flatMap(({ given }) =>
    given === undefined ? [] : [entriesIn(given.value)],
  );
  const [first] = tries;
  return [...(first?.keys() ?? [])]
    .filter((check) => tries.every((entries) => entries.has(check)))
    .map((check) => {
      const [wanted, ...others] = new Set(tries.map((entries) => wantedBy(entries.get(check))));
      return wanted === undefined || others.length > 0 ? { check } : { check, wanted };
    });
}

function wantedBy(check: unknown): string | undefined {
  return typeof check === "object" && check !== null && "wanted" in check ? String(check.wanted) : undefined;
}
