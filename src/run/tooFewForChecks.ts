import type { Checks } from "../model/testCase.ts";
import { promisedChecks } from "./promisedChecks.ts";
import { sizesOf, type Asked } from "./sizesOf.ts";
import { entriesIn, triedChecks } from "./triedChecks.ts";

/** Checks that cannot be met, whatever is measured, as an experiment has too few requests for their figures, or no objectives: told of each, before it is measured. */
export function tooFewForChecks(checks: Checks<string>, engines: readonly string[], experiments: readonly Asked[]): readonly string[] {
  return experiments.flatMap((asked) => {
    const { figures, given } = triedChecks(checks, engines, { seed: 1, ...sizesOf(asked) });
    if (given === undefined || figures.lacking.size === 0) return [];
    const enough = entriesIn(triedChecks(checks, engines, { seed: 1 }).given?.value);
    const found = entriesIn(given.value);
    const unmet = [...found].filter(([name, check]) => hasNoValue(check) && !hasNoValue(enough.get(name))).map(([name]) => name);
    const leftOut = promisedChecks(checks, engines, asked).flatMap(({ check }) => (found.has(check) ? [] : [check]));
    const names = [...unmet, ...leftOut].map((name) => `"${name}"`).join(" and ");
    return names === "" ? [] : [`${names} will not be met in ${asked.experiment.title}: ${[...figures.lacking].join("; ")}`];
  });
}

function hasNoValue(check: unknown): boolean {
  if (typeof check !== "object" || check === null || !("ok" in check) || check.ok === true) return false;
  return "noLimit" in check || !("observed" in check) || check.observed === undefined;
}
