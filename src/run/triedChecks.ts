import type { Checks } from "../model/testCase.ts";
import { standInFigures, type StandInFigures, type StandInOptions } from "./standInFigures.ts";

/** Checks as they are on figures that nobody measured. */
export interface TriedChecks {
  readonly figures: StandInFigures;
  /** Missing where they fail. */
  readonly given?: { readonly value: unknown };
  /** Where they fail. */
  readonly thrown?: { readonly error: unknown };
}

export function triedChecks(checks: Checks<string>, engines: readonly string[], options: StandInOptions): TriedChecks {
  const figures = standInFigures(engines, options);
  try {
    const value: unknown = unheard(() => checks(figures.on));
    for (const one of [value, ...entriesIn(value).values()]) if (one instanceof Promise) one.catch(() => {}); // that it is a promise is the news
    return { figures, given: { value } };
  } catch (error) {
    return { figures, thrown: { error } };
  }
}

/** What they print of such figures would be taken for what was measured. */
function unheard<Value>(act: () => Value): Value {
  const { log, info, debug } = console;
  const nothing = () => {};
  Object.assign(console, { log: nothing, info: nothing, debug: nothing });
  try {
    return act();
  } finally {
    Object.assign(console, { log, info, debug });
  }
}

/** On several, none like another: what all of them have in common is no accident. */
export function triedOften(
  checks: Checks<string>,
  engines: readonly string[],
  options: Omit<StandInOptions, "seed"> = {},
): readonly TriedChecks[] {
  return [1, 2, 3, 4, 5].map((seed) => triedChecks(checks, engines, { ...options, seed }));
}

/** Each check by its name; none in what is no object. */
export function entriesIn(given: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof given === "object" && given !== null ? Object.entries(given) : []);
}
