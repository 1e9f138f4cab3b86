import { grouped } from "./grouped.ts";
import { HarnessError } from "./harnessError.ts";
import { nearest } from "./nearest.ts";

/** What is wrong with a value: "must be …"; undefined when nothing is. */
export type OptionRule = (value: unknown) => string | undefined;

/**
 * Throws one error with every mistake in an author's options: names that are not `allowed`, values that break their rule, `required`
 * ones that are missing. Undefined breaks no rule.
 */
export function checkOptions(
  what: string,
  given: object,
  allowed: readonly string[],
  rules: Readonly<Record<string, OptionRule>> = {},
  required: readonly string[] = [],
): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new HarnessError("usage", `${what}: an object with its options is wanted, not ${shown(given)}`, {
      hint: `its options are ${allowed.join(", ")}`,
    });
  }
  const wrong = Object.entries(given).flatMap(([name, value]) => {
    if (!allowed.includes(name)) return [unknownOption(name, allowed)];
    const mistake = value === undefined ? undefined : rules[name]?.(value);
    return mistake === undefined ? [] : [`${name} ${mistake}, not ${shown(value)}`];
  });
  const values: Readonly<Record<string, unknown>> = { ...given };
  const missing = required.filter((name) => values[name] === undefined).map((name) => `${name} is missing`);
  const mistakes = [...wrong, ...missing];
  if (mistakes.length === 0) return;
  throw new HarnessError("usage", `${what}: ${mistakes.join("; ")}`, { hint: `its options are ${allowed.join(", ")}` });
}

/** What is wrong with a value that must be there, in words; undefined when nothing is. */
export function mistakeIn(name: string, value: unknown, rule: OptionRule): string | undefined {
  if (value === undefined) return `${name} is missing`;
  const wrong = rule(value);
  return wrong === undefined ? undefined : `${name} ${wrong}, not ${shown(value)}`;
}

/** Several checks of one thing an author made: what is wrong by any of them is one error. */
export function checkTogether(...checks: readonly (() => void)[]): void {
  const mistakes = checks.flatMap(mistakesIn);
  const [first, ...others] = mistakes;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const hints = new Set(mistakes.flatMap(({ hint }) => (hint === undefined ? [] : [hint])));
  throw new HarnessError("usage", mistakes.map(({ message }) => message).join("; "), { hint: [...hints].join("\n") });
}

function mistakesIn(check: () => void): readonly HarnessError[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    return [error];
  }
}

/** Beyond the largest `to` numbers are no longer whole by themselves: their last digits are lost. */
export function wholeNumber({ from, to = Number.MAX_SAFE_INTEGER }: { from: number; to?: number }): OptionRule {
  return (value) => {
    if (!Number.isInteger(value) || Number(value) < from) return `must be a whole number of at least ${from}`;
    return Number(value) > to ? `must be at most ${grouped(to)}` : undefined;
  };
}

export const positive: OptionRule = (value) =>
  typeof value === "number" && value > 0 && value < Infinity ? undefined : "must be a number above 0";

/** Above 0. */
export function upTo(most: number): OptionRule {
  return (value) => positive(value) ?? (Number(value) > most ? `must be at most ${grouped(most)}` : undefined);
}

export const notNegative: OptionRule = (value) =>
  typeof value === "number" && value >= 0 && value < Infinity ? undefined : "must be a number of at least 0";

/** Of a whole: above 0, at most 1. */
export const share: OptionRule = (value) =>
  typeof value === "number" && value > 0 && value <= 1 ? undefined : "must be above 0 and at most 1";

export const yesOrNo: OptionRule = (value) => (typeof value === "boolean" ? undefined : "must be true or false");

export function oneOf(...known: readonly string[]): OptionRule {
  return (value) => (typeof value === "string" && known.includes(value) ? undefined : `must be one of ${known.join(", ")}`);
}

export const nonEmptyText: OptionRule = (value) =>
  typeof value === "string" && value !== "" ? undefined : "must be a text that is not empty";

/** Services, and keys to share them by: both become directories. */
export const serviceWord: OptionRule = (value) =>
  typeof value === "string" && /^[a-z0-9][a-z0-9-]*$/.test(value) ? undefined : "must be lower-case letters, digits and dashes";

/** Whose a field of a request's body is, where a second value for it would send something else than every page says. */
const ownersOfFields: Readonly<Record<string, string>> = {
  messages: "the workload",
  prompt: "the workload",
  max_tokens: "the workload's outputTokens",
  max_completion_tokens: "the workload's outputTokens",
  model: "the engine's own option for its model's name",
  stream: "Tandem, which times answers as they stream",
  stream_options: "Tandem, which times answers as they stream",
  n: "Tandem, which asks for one answer at a time",
};

/** Fields for the body of every request: not those that are said elsewhere. */
export const bodyFields: OptionRule = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  const others = Object.entries(value).flatMap(([name, field]) => {
    const owner = Object.hasOwn(ownersOfFields, name) ? ownersOfFields[name] : undefined;
    return owner === undefined || field === undefined || (name === "n" && field === 1) ? [] : [{ name, owner }];
  });
  if (others.length === 0) return undefined;
  const byOwner = [...Map.groupBy(others, ({ owner }) => owner)];
  return `must leave ${byOwner.map(([owner, fields]) => `${fields.map(({ name }) => name).join(" and ")} to ${owner}`).join("; and ")}`;
};

export const listOfTexts: OptionRule = (value) =>
  Array.isArray(value) && value.every((text) => typeof text === "string") ? undefined : "must be a list of texts";

export const objectOfTexts: OptionRule = (value) =>
  typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string")
    ? undefined
    : "must be an object of texts";

/** What can be printed, stored and hashed as it is. */
export const plainData: OptionRule = (value) =>
  typeof value === "object" &&
  value !== null &&
  Object.values(value).every((one) => one === undefined || ["string", "number", "boolean"].includes(typeof one))
    ? undefined
    : "must be an object of texts, numbers, true and false";

function unknownOption(name: string, allowed: readonly string[]): string {
  const meant = nearest(name, allowed);
  return `there is no option "${name}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`;
}

/** A value as it stands in a sentence about it. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (value instanceof Promise) return "a promise";
  // To JSON, Infinity and NaN are null.
  return typeof value === "number" ? String(value) : (JSON.stringify(value, withoutSecrets) ?? String(value));
}

function withoutSecrets(name: string, value: unknown): unknown {
  return typeof value === "string" && /^(?:password|apiKey)$/.test(name) ? "***" : value;
}
