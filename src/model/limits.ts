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

const limitChange: OptionRule = (value) => {
  const isChange =
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(([state, limit]) => ["degraded", "invalid"].includes(state) && notNegative(limit) === undefined);
  return value === false || isChange ? undefined : "must be false, or such as { degraded: 0.02, invalid: 0.1 }";
};

export const limitRules: Readonly<Record<string, OptionRule>> = Object.fromEntries(limitNames.map((name) => [name, limitChange]));
