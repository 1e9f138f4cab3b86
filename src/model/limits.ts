import { notNegative, type OptionRule } from "./checkOptions.ts";

/** What a run's validity is judged by. docs/measurement.md says what each of them measures. */
export const limitNames = [
  "neverDue",
  "unfinished",
  "failures",
  "exhausted",
  "sentTwice",
  "opening",
  "sendLag",
  "sendLagOfMost",
  "rate",
  "shape",
  "saturation",
  "drift",
  "eventLoopDelay",
  "stalls",
  "cpu",
  "harnessError",
  "harnessTtft",
  "uncalibrated",
  "steal",
  "crowded",
  "clockStep",
  "clock",
  "countedByEvents",
  "tokenCounts",
  "promptLength",
  "promptTokens",
  "outputTokens",
  "overlong",
  "short",
  "coldCached",
  "cachedTokens",
  "answers",
  "throttled",
  "unwell",
  "restarted",
] as const;

export type LimitName = (typeof limitNames)[number];

export type LimitUnit = "seconds" | "cores" | "threads" | "share";

/** In seconds, cores or shares of 1: above which a run is DEGRADED, above which INVALID. What is left out is as usual; false judges nothing by it. */
export type LimitChange = false | { readonly degraded?: number; readonly invalid?: number };

export type LimitChanges = Readonly<Partial<Record<LimitName, LimitChange>>>;

/** Shares of a whole, such as of all requests: of others, such as how much longer something took, there may be more than 1. */
const sharesOfAWhole: ReadonlySet<LimitName> = new Set([
  "neverDue",
  "unfinished",
  "failures",
  "exhausted",
  "sentTwice",
  "opening",
  "stalls",
  "uncalibrated",
  "steal",
  "clock",
  "countedByEvents",
  "promptTokens",
  "outputTokens",
  "overlong",
  "short",
  "coldCached",
  "cachedTokens",
  "answers",
  "throttled",
  "restarted",
]);

const limitChange: OptionRule = (value) => {
  const isChange =
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(([state, limit]) => ["degraded", "invalid"].includes(state) && notNegative(limit) === undefined);
  return value === false || isChange ? undefined : "must be false, or such as { degraded: 0.02, invalid: 0.1 }";
};

/** Percent would judge by nothing, as false does. */
const changeOfShare: OptionRule = (value) => {
  const mistake = limitChange(value);
  if (mistake !== undefined || value === false) return mistake;
  return Object.values(value as object).some((limit) => Number(limit) > 1) ? "must be shares of 1, of which 5 % is 0.05" : undefined; // limitChange has looked
};

export const limitRules: Readonly<Record<string, OptionRule>> = Object.fromEntries(
  limitNames.map((name) => [name, sharesOfAWhole.has(name) ? changeOfShare : limitChange]),
);
