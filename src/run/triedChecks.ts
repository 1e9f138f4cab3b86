import type { Checks } from "../model/testCase.ts";
import { standInFigures, type StandInFigures, type StandInOptions } from "./standInFigures.ts";

/** Checks as they are on figures that nobody measured. */
export interface TriedChecks {
  readonly figures: StandInFigures;
  /** Missing where they fail. */
  readonly given?: { readonly value: unknown };
}

export function triedChecks(checks: Checks<string>, engines: readonly string[], options: StandInOptions): TriedChecks {
  const figures = standInFigures(engines, options);
  try {
    const value: unknown = checks(figures.on);
    for (const one of [value, ...entriesIn(value).values()]) if (one instanceof Promise) one.catch(() => {}); // that it is a promise is the news
    return { figures, given: { value } };
  } catch {
    return { figures };
  }
}

/** Each check by its name; none in what is no object. */
export function entriesIn(given: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof given === "object" && given !== null ? Object.entries(given) : []);
}
