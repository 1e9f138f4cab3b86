import type { ValidityReason } from "../model/figures.ts";
import { limitNames, type LimitName, type LimitUnit } from "../model/limits.ts";
import type { ExperimentDescription } from "../model/result.ts";

interface Limit {
  /** What is held against it, as docs/measurement.md has it. */
  readonly measured: string;
  readonly unit: LimitUnit;
  /** Above it the numbers are shown, marked. */
  readonly degraded?: number;
  /** Above it verdicts are withheld. */
  readonly invalid?: number;
}

export interface LimitInForce extends Limit {
  readonly name: LimitName;
}

/** As they hold for one experiment. */
export type Limits = Readonly<Record<LimitName, LimitInForce>>;

/** Where a run stops being believed: every limit there is, in seconds, cores, threads a core or shares of 1. */
export const limits = {
  neverDue: { measured: "requests that never fell due, because the run ended before", unit: "share", invalid: 0 },
  unfinished: { measured: "requests cancelled, or cut off with the run", unit: "share", degraded: 0, invalid: 0.05 },
  failures: { measured: "failed requests of an engine, unless a check allows them", unit: "share", degraded: 0, invalid: 0.05 },
  exhausted: { measured: "requests for which the harness's machine had no port or file left", unit: "share", invalid: 0 },
  sentTwice: {
    measured:
      "requests of an engine sent a second time, because it had closed the connection of the first, but for those that it did not answer then either",
    unit: "share",
    degraded: 0.01,
  },
  opening: {
    measured: "time to open connections in TTFT, of all TTFT of an engine's replies",
    unit: "share",
    degraded: 0.05,
  },
  unasked: {
    measured: "replies that nobody had asked for, on connections of an engine whose requests had been answered, by its requests",
    unit: "share",
    degraded: 0,
  },
  sendLag: {
    measured:
      "send lag, p99 (below 662 values the longest); where ten or more fell due in the same instant, beyond 0.1 ms for each that was sent before, and as much for 10,000 tokens of its prompt",
    unit: "seconds",
    degraded: 0.005,
  },
  sendLagOfMost: { measured: "send lag, in nine requests of ten, likewise", unit: "seconds", invalid: 0.05 },
  rate: {
    measured: "requests sent per second against those due, difference, of an engine's 20 or more",
    unit: "share",
    degraded: 0.02,
    invalid: 0.1,
  },
  shape: {
    measured:
      "gaps between requests with times of their own as they were sent, against the schedule's, both sorted: mean difference beyond 0.2 ms, by the mean gap, of an engine's 20 or more",
    unit: "share",
    degraded: 0.1,
  },
  saturation: {
    measured:
      "what each request took longer than the one before it, by the time between the two, of an engine that answered fewer per second than fell due",
    unit: "share",
    degraded: 0.02,
  },
  drift: {
    measured: "how much longer TTFT or TPOT were in the second half of an engine's requests than in the first, or shorter",
    unit: "share",
    degraded: 0.2,
  },
  eventLoopDelay: {
    measured: "delay of a load thread's event loop, of the worst one, p90 of looks every 20 ms within a second, in nine seconds of ten",
    unit: "seconds",
    degraded: 0.01,
    invalid: 0.1,
  },
  stalls: {
    measured: "time for which a load thread stood still, a tenth of a second or more at once, of the experiment's",
    unit: "share",
    degraded: 0.01,
    invalid: 0.05,
  },
  cpu: { measured: "CPU time of a load thread, of the busiest one, in nine seconds of ten", unit: "cores", degraded: 0.8 },
  harnessError: {
    measured:
      "error of the harness's stamps against the ground-truth engine, p99 (below 662 values p98, below 330 p95, below 130 the largest)",
    unit: "seconds",
    degraded: 0.005,
    invalid: 0.05,
  },
  harnessTtft: { measured: "error of the harness's TTFT, likewise", unit: "seconds", degraded: 0.02 },
  uncalibrated: { measured: "runs with --no-calibration, or whose load was not played again to its end", unit: "share", degraded: 0 },
  steal: { measured: "time the machine's host took from it, in nine seconds of ten", unit: "share", degraded: 0.1 },
  crowded: { measured: "threads that run or want to, for each core of the machine, in nine seconds of ten", unit: "threads", degraded: 2 },
  clockStep: { measured: "wall clock against monotonic clock, largest change within a second", unit: "seconds", degraded: 0.5 },
  clock: { measured: "requests whose stamps run backwards", unit: "share", invalid: 0 },
  countedByEvents: {
    measured: "replies of an engine without usage that can be, nor counted by its tokenizer: one token counted for each event",
    unit: "share",
    degraded: 0,
  },
  tokenCounts: {
    measured:
      "output tokens by usage or tokenizer against by events, or by usage against by tokenizer, of an engine, beyond one token a reply",
    unit: "share",
    degraded: 0.01,
  },
  promptLength: {
    measured: "prompt tokens as an engine counts them against those asked for, beyond 64 a request",
    unit: "share",
    degraded: 0.1,
  },
  promptTokens: { measured: "requests with another number of prompt tokens on another engine", unit: "share", degraded: 0 },
  outputTokens: { measured: "requests with another number of output tokens on another engine", unit: "share", degraded: 0 },
  overlong: { measured: "replies of an engine with more tokens than were asked for", unit: "share", degraded: 0 },
  short: { measured: "replies with fewer tokens than an engine was told to make, by usage", unit: "share", degraded: 0 },
  coldCached: {
    measured: "prompt tokens of cold requests that an engine found in its cache, beyond those that it adds to each",
    unit: "share",
    degraded: 0.05,
  },
  cachedTokens: {
    measured: "replies of an engine whose usage tells more cached tokens than their prompts have",
    unit: "share",
    degraded: 0,
  },
  answers: {
    measured: "prompts that an engine answered otherwise out of a cache, or otherwise than the baseline",
    unit: "share",
    degraded: 0,
  },
  throttled: {
    measured: "readings of an engine's GPU, in its own turns, while heat, a power brake or its hardware slowed it down",
    unit: "share",
    degraded: 0,
  },
  unwell: {
    measured: "time in which an engine, or a service it needs, did not answer within 2 s or answered with an error, in a row",
    unit: "seconds",
    degraded: 3,
  },
  restarted: { measured: "servers that were up already, and were started anew while they were measured", unit: "share", invalid: 0 },
} as const satisfies Readonly<Record<LimitName, Limit>>;

/**
 * What is due in one instant is written one after the other: by one thread in 23 to 44 µs each where prompts were short, and in 75 to 81 µs of
 * 8,192 tokens, seen with 100 to 2,000 requests on two busy cores. Twice that is allowed; of fewer than ten at once it is too little to matter.
 */
export const burst = { fewest: 10, perRequest: 100e-6, perToken: 10e-9 } as const;

/** Each gap lies between two requests, each of them some tenths of a millisecond late; an engine takes in what has come once a step, of some milliseconds. */
export const shapeLeast = { gaps: 20, seconds: 200e-6 } as const;

/** The usual ones, but for what the experiment says. */
export function limitsOf({ limits: changes = {} }: ExperimentDescription): Limits {
  const inForce = limitNames.map((name) => {
    const { measured, unit, ...usual }: Limit = limits[name];
    const change = changes[name] ?? {};
    return [name, { name, measured, unit, ...(change === false ? {} : { ...usual, ...change }) }] as const;
  });
  return Object.fromEntries(inForce) as Limits; // every name is there
}

type Words = Pick<ValidityReason, "what" | "advice" | "engine">;

/** At most one reason: none where the value is missing, or within the limit. */
export function beyond(
  { name, unit, degraded = Infinity, invalid = Infinity }: LimitInForce,
  value: number | undefined,
  words: Words,
): readonly ValidityReason[] {
  if (value === undefined || value <= Math.min(degraded, invalid)) return [];
  const [state, limit] = value > invalid ? (["INVALID", invalid] as const) : (["DEGRADED", degraded] as const);
  return [{ state, ...words, exceeded: { name, unit, value: above(limit, value), limit } }];
}

/** Three digits, or as many as it takes to be still above: 5.004 ms are not the 5 ms that are allowed. */
function above(limit: number, value: number): number {
  let digits = 3;
  while (Number(value.toPrecision(digits)) <= limit && digits < mostDigits) digits++;
  return Number(value.toPrecision(digits));
}

/** So many tell any two numbers apart. */
const mostDigits = 17;

export function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}
