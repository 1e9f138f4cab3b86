import { checkOptions, share, wholeNumber } from "../model/checkOptions.ts";
import type { Check, EngineSummary, Verdict } from "../model/figures.ts";
import type { Checks } from "../model/testCase.ts";
import { fewestFor } from "./distribution.ts";
import { known } from "./known.ts";

/** A check: the value is at most `limit`. A missing value is not ok. */
export function atMost(value: number | undefined, limit: number): Check {
  return check(value, `at most ${limit}`, [limit], (observed) => observed <= limit);
}

/** A check: the value is at least `limit`. A missing value is not ok. */
export function atLeast(value: number | undefined, limit: number): Check {
  return check(value, `at least ${limit}`, [limit], (observed) => observed >= limit);
}

/** A check: the value lies from `low` to `high`, both included. A missing value is not ok. */
export function between(value: number | undefined, low: number, high: number): Check {
  return check(value, `from ${low} to ${high}`, [low, high], (observed) => observed >= low && observed <= high);
}

/** A check: of an engine's requests at most so many fail, and so many may. Where no check says so, more than 5 % make an experiment INVALID. */
export function mayFail(on: EngineSummary, limit: { readonly requests: number } | { readonly share: number }): Check {
  checkOptions("mayFail()", limit, Object.keys(limitRules), limitRules);
  const { engine, failures, requests } = on;
  const check = "share" in limit ? atMost(ratio(failures, requests), limit.share) : atMost(failures, limit.requests);
  return { ...check, allowsFailuresOf: engine };
}

const limitRules = { requests: wholeNumber({ from: 0 }), share };

/** One value as a multiple of another; missing when either is, or when the other is 0. */
export function ratio(value: number | undefined, of: number | undefined): number | undefined {
  return value === undefined || of === undefined || of === 0 ? undefined : value / of;
}

/** One that is returned wherever no figure is missing, and what it wants, where that is always the same. */
export interface PromisedCheck {
  readonly check: string;
  readonly wanted?: string;
}

/** A test case's checks on one experiment. What cannot be evaluated is not met, and says why; nor is a promised one that is not returned. */
export function evaluate(
  checks: Checks<string>,
  summaries: readonly EngineSummary[],
  experiment: number,
  promised: readonly PromisedCheck[] = [],
): readonly Verdict[] {
  const on = Object.fromEntries(summaries.map((summary) => [summary.engine, summary]));
  try {
    const found = Object.entries(checkedOn(checks, on)).map(([name, one]) => ({ experiment, check: name, ...parseCheck(one) }));
    const leftOut = promised.filter(({ check }) => found.every((one) => one.check !== check));
    return [...found, ...leftOut.map((one) => ({ experiment, ...withoutValue(one) }))];
  } catch (error) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return [{ experiment, check: "the checks", ok: false, wanted: `checks that can be evaluated, but there was ${message}` }];
  }
}

function withoutValue({ check, wanted = "the check to be returned" }: PromisedCheck): Check & { readonly check: string } {
  return { check, ok: false, wanted: `${wanted}, but there is no value${itNeeds}` };
}

function checkedOn(checks: Checks<string>, on: Readonly<Record<string, EngineSummary>>): object {
  const found: unknown = checks(on);
  if (typeof found === "object" && found !== null && !("then" in found)) return found;
  throw new TypeError("checks must return an object of checks, and not wait for anything: (on) => ({ … })");
}

/** Of whatever a JavaScript author wrote. */
function parseCheck(found: unknown): Check {
  if (typeof found !== "object" || found === null || !("ok" in found) || !("wanted" in found)) {
    return { ok: false, wanted: "a check, such as atMost(…) returns it" };
  }
  const observed = "observed" in found && typeof found.observed === "number" ? found.observed : undefined;
  const allowsFailuresOf = "allowsFailuresOf" in found ? String(found.allowsFailuresOf) : undefined;
  return known({ ok: found.ok === true, observed, wanted: String(found.wanted), allowsFailuresOf });
}

const itNeeds = ` (a mean or a p50 takes 1 measurement, a p90 ${fewestFor.p90}, a p99 ${fewestFor.p99}, and goodput an experiment with slo)`;

function check(value: number | undefined, wanted: string, limits: readonly number[], isMet: (observed: number) => boolean): Check {
  if (!limits.every(Number.isFinite)) return { ok: false, wanted: `${wanted}, and that is not a number`, noLimit: true };
  if (value === undefined || !Number.isFinite(value)) return { ok: false, wanted: `${wanted}, but there is no value${itNeeds}` };
  return { ok: isMet(value), observed: value, wanted, limits };
}
