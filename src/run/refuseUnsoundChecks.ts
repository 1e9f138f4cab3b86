import { shown } from "../model/checkOptions.ts";
import type { Summary } from "../model/figures.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Checks } from "../model/testCase.ts";
import { sizesOf, type Asked } from "./sizesOf.ts";
import { placeInWords, sourcePlace } from "./sourcePlace.ts";
import type { StandInFigures } from "./standInFigures.ts";
import { entriesIn, triedOften, type TriedChecks } from "./triedChecks.ts";

/**
 * Tries checks on figures that nobody measured, and throws where they ask for one that there is not, give what is no check, want what is no
 * number, or of a share more than 1, or cannot be evaluated whatever the figures: after the run all of it would be told as not met. What else they throw, and what they want
 * of some figures only, may come from these very figures, and is left to the real ones.
 */
export function refuseUnsoundChecks(checks: Checks<string>, engines: readonly string[], experiments: readonly Asked[] = []): void {
  const tries = triedOften(checks, engines);
  const unknown = new Set(tries.flatMap(({ figures }) => [...figures.unknown]));
  const mistakes = [...mistakesInWhatTheyGive(tries), ...sharesAgainstMore(tries), ...unknown];
  if (mistakes.length === 0) {
    // An author may ask for something by how many requests there are.
    const sized = experiments.flatMap((asked) => triedOften(checks, engines, { sizes: sizesOf(asked).sizes, lacksNothing: true }));
    return refuseBroken([...tries, ...sized]);
  }
  throw new HarnessError("usage", `checks: ${mistakes.join("; ")}`, {
    hint: "such as (on) => ({ fast: atMost(on.plain.ttft.p50, 0.5) }), in seconds; the type EngineSummary of tandem has all figures",
  });
}

/** An author's own `throw`, such as an assertion, may be right about these figures; a name that there is not, or an option, is wrong about all. */
function refuseBroken(tries: readonly TriedChecks[]): void {
  const [first] = tries;
  if (first?.thrown === undefined || !tries.every(({ thrown }) => thrown !== undefined && isMistake(thrown.error))) return;
  const error = first.thrown.error as Error; // isMistake() has looked
  const place = sourcePlace(error);
  const line = place === undefined ? "" : placeInWords(place);
  const more = (error instanceof HarnessError ? error.hint : undefined) ?? "";
  const hint = (more.includes(line) ? [more] : [line, more]).filter((text) => text !== "").join("\n");
  throw new HarnessError("usage", `checks: ${error instanceof HarnessError ? "" : `${error.name}: `}${error.message}`, {
    ...(hint === "" ? {} : { hint }),
    cause: error,
  });
}

function isMistake(error: unknown): boolean {
  return [HarnessError, ReferenceError, TypeError, SyntaxError].some((kind) => error instanceof kind);
}

/** Checks that several tests share may look whether an engine is there: one that is not is a mistake where they cannot do without it. */
function mistakesInWhatTheyGive(tries: readonly TriedChecks[]): readonly string[] {
  const given = tries.flatMap(({ given }) => given ?? []).map(({ value }) => value);
  const [first] = given;
  if (given.length === 0) return [...(tries[0]?.figures.absent ?? [])];
  if (first instanceof Promise) return ["they return a promise, and must not wait for anything"];
  if (typeof first !== "object" || first === null) return [`they must return an object of checks, not ${shown(first)}`];
  const all = given.map(entriesIn);
  return Object.entries(first).flatMap(([name, check]) =>
    all.every((entries) => mistakeIn(entries.get(name)) !== undefined) ? [`"${name}" ${mistakeIn(check)}`] : [],
  );
}

function mistakeIn(check: unknown): string | undefined {
  if (typeof check !== "object" || check === null || !("ok" in check) || !("wanted" in check)) {
    return `is ${shown(check)}, and no check, such as atMost(…) returns it`;
  }
  return "noLimit" in check ? `wants ${String(check.wanted)}` : undefined;
}

/** Whoever holds a share against more than 1 has percent in mind, and a check that is met whatever is measured, or never. */
function sharesAgainstMore(tries: readonly TriedChecks[]): readonly string[] {
  return [...entriesIn(tries[0]?.given?.value).keys()].flatMap((name) => {
    const limits = tries.map(({ figures, given }) => limitOfShare(entriesIn(given?.value).get(name), sharesIn(figures)));
    const [limit] = limits;
    // One that is made of figures, such as twice another engine's share, is above 1 by chance.
    if (limit === undefined || limits.some((other) => other !== limit)) return [];
    return [`"${name}" holds a share of 1 against ${limit}: where ${limit} % is meant, say ${Number((limit / 100).toPrecision(6))}`];
  });
}

/** Above 1. What is observed is taken for a share where it is the very number: figures are drawn, and no other is it each time. */
function limitOfShare(check: unknown, shares: ReadonlySet<unknown>): number | undefined {
  if (typeof check !== "object" || check === null || !("limits" in check) || !("observed" in check)) return undefined;
  if (!shares.has(check.observed) || !Array.isArray(check.limits)) return undefined;
  return check.limits.find((limit): limit is number => typeof limit === "number" && limit > 1);
}

function sharesIn({ on }: StandInFigures): ReadonlySet<unknown> {
  const populations = Object.values(on).flatMap((engine): readonly Summary[] => [engine, engine.cold, engine.partial, engine.warm]);
  return new Set(
    populations.flatMap(({ goodput, failures, completed, cancelled, requests }) => [
      goodput,
      failures / requests,
      completed / requests,
      cancelled / requests,
    ]),
  );
}
