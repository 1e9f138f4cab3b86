import { cacheState } from "../model/request.ts";
import type { Checks } from "../model/testCase.ts";
import type { Workload } from "../model/workload.ts";
import type { Sizes } from "./standInFigures.ts";
import { entriesIn, triedChecks } from "./triedChecks.ts";

/** An experiment by its title, and what each of its blocks sends. */
interface Asked {
  readonly experiment: { readonly title: string; readonly slo?: unknown };
  readonly workload: Workload;
  readonly laterBlocks: readonly { readonly workload: Workload }[];
}

/** Checks that cannot be met, whatever is measured, as an experiment has too few requests for their figures, or no objectives: told of each, before it is measured. */
export function tooFewForChecks(checks: Checks<string>, engines: readonly string[], experiments: readonly Asked[]): readonly string[] {
  return experiments.flatMap((planned) => {
    const { figures, given } = triedChecks(checks, engines, {
      seed: 1,
      sizes: sizesOf(planned),
      hasSlo: planned.experiment.slo !== undefined,
    });
    const enough = entriesIn(triedChecks(checks, engines, { seed: 1 }).given?.value);
    const unmet = [...entriesIn(given?.value)].filter(([name, check]) => hasNoValue(check) && !hasNoValue(enough.get(name)));
    if (unmet.length === 0 || figures.lacking.size === 0) return [];
    const names = unmet.map(([name]) => `"${name}"`).join(" and ");
    return [`${names} will not be met in ${planned.experiment.title}: ${[...figures.lacking].join("; ")}`];
  });
}

/** Of what an engine is sent, later blocks included. */
function sizesOf({ workload, laterBlocks }: Asked): Sizes {
  const requests = [workload, ...laterBlocks.map((block) => block.workload)].flatMap((one) => one.requests);
  const of = (state: ReturnType<typeof cacheState>) => requests.filter((request) => cacheState(request) === state).length;
  return { all: requests.length, cold: of("cold"), partial: of("partial"), warm: of("warm") };
}

function hasNoValue(check: unknown): boolean {
  if (typeof check !== "object" || check === null || !("ok" in check) || check.ok === true) return false;
  return "noLimit" in check || !("observed" in check) || check.observed === undefined;
}
