import { notNegative, type OptionRule } from "./checkOptions.ts";

/**
 * What a run's validity is judged by, and what each is limited by: a share of a whole, such as of all requests, which is at most 1, or any amount, such as
 * how much longer something took. docs/measurement.md says what each of them measures.
 */
const limitedBy = {
  neverDue: "share",
  unfinished: "share",
  failures: "share",
  exhausted: "share",
  sentTwice: "share",
  opening: "share",
  unasked: "share",
  sendLag: "amount",
  sendLagOfMost: "amount",
  rate: "amount",
  shape: "amount",
  saturation: "amount",
  drift: "amount",
  eventLoopDelay: "amount",
  stalls: "share",
  cpu: "amount",
  harnessError: "amount",
  harnessTtft: "amount",
  uncalibrated: "share",
  steal: "share",
  crowded: "amount",
  clockStep: "amount",
  clock: "share",
  countedByEvents: "share",
  tokenCounts: "amount",
  promptLength: "amount",
  promptTokens: "share",
  outputTokens: "share",
  overlong: "share",
  short: "share",
  coldCached: "share",
  cachedTokens: "share",
  answers: "share",
  throttled: "share",
  unwell: "amount",
  restarted: "share",
} as const;

export type LimitName = keyof typeof limitedBy;

export const limitNames = Object.keys(limitedBy) as LimitName[]; // keys of a constant

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

/** Percent would judge by nothing, as false does. */
const changeOfShare: OptionRule = (value) => {
  const mistake = limitChange(value);
  if (mistake !== undefined || value === false) return mistake;
  return Object.values(value as object).some((limit) => Number(limit) > 1) ? "must be shares of 1, of which 5 % is 0.05" : undefined; // limitChange has looked
};

export const limitRules: Readonly<Record<string, OptionRule>> = Object.fromEntries(
  limitNames.map((name) => [name, limitedBy[name] === "share" ? changeOfShare : limitChange]),
);
