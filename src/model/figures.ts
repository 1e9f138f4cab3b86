import type { LimitName, LimitUnit } from "./limits.ts";
import type { CacheState } from "./request.ts";
import type { Seconds } from "./time.ts";

/** A low and a high end at 95 % confidence. */
export type Interval = readonly [low: number, high: number];

/** Values of one metric over a population. A percentile is missing where there is too little data for it (p90 needs 64 values, p99 662). */
export interface Distribution {
  readonly count: number;
  readonly mean?: number;
  readonly meanInterval?: Interval;
  readonly min?: number;
  readonly p50?: number;
  readonly p90?: number;
  readonly p99?: number;
  readonly max?: number;
}

/** One population of requests: an engine's in an experiment, or its cold or warm part. Times in seconds, rates per second. */
export interface Summary {
  /** All that were due: the denominator of everything. */
  readonly requests: number;
  readonly completed: number;
  /** Failed or dropped. */
  readonly failures: number;
  readonly cancelled: number;
  readonly failuresByCode: Readonly<Record<string, number>>;
  /** Completed ones came in so many, where those are fewer: of fewer than 6 no mean has an interval. */
  readonly waves?: number;
  readonly ttft: Distribution;
  readonly ttftFromDue: Distribution;
  readonly timeToHeaders: Distribution;
  readonly e2e: Distribution;
  readonly e2eFromDue: Distribution;
  readonly itl: Distribution;
  readonly tpot: Distribution;
  /** Per request: (output tokens - those of the first event) / (E2E - TTFT). */
  readonly throughput: Distribution;
  readonly sendLag: Distribution;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
  /** Over the population's own span, first sent to last ended. */
  readonly span?: Seconds;
  readonly outputTokensPerSecond?: number;
  readonly requestsPerSecond?: number;
  /** Of all that were due, the share that kept every objective of the experiment (`slo`): 0 to 1. Missing without objectives. */
  readonly goodput?: number;
}

export interface EngineSummary extends Summary {
  readonly engine: string;
  readonly cold: Summary;
  readonly partial: Summary;
  readonly warm: Summary;
}

export type ComparedMetric = "ttft" | "throughput";

/** One engine against the baseline. `effect` > 1 is better for `other`: baseline / other for times, other / baseline for rates. */
export interface Comparison {
  readonly experiment: number;
  readonly metric: ComparedMetric;
  readonly cache: CacheState | "all";
  readonly baseline: string;
  readonly other: string;
  readonly pairs: number;
  /** They came in so many, where those are fewer: what befalls a burst befalls all of it. */
  readonly waves?: number;
  /** As many independent ones would tell as much: fewer where neighbours are alike, or those of a wave. Missing below the fewest pairs, or waves. */
  readonly independentPairs?: number;
  readonly effect?: number;
  readonly interval?: Interval;
  /** As a share: 0.05 is 5 %. The largest of the practical margin and the harness's own error. */
  readonly margin: number;
  readonly verdict: "better" | "worse" | "equivalent" | "inconclusive";
  /** Why it is inconclusive, in words. */
  readonly reason?: string;
  /** About how many more pairs would settle it. */
  readonly morePairs?: number;
}

/** What a check of a test case returns: `ok` is false when the observed value is missing. */
export interface Check {
  readonly ok: boolean;
  readonly observed?: number;
  readonly wanted: string;
  /** What the observed value is held against. */
  readonly limits?: readonly number[];
  /** An engine's name: while this is met, its failures do not make the experiment INVALID. */
  readonly allowsFailuresOf?: string;
  /** What it wants is no number: the author's mistake, unless it was made of a value that is missing. */
  readonly noLimit?: true;
}

/** One line of a check, for one experiment. */
export interface Verdict extends Check {
  readonly experiment: number;
  readonly check: string;
}

export type ValidityState = "VALID" | "DEGRADED" | "INVALID";

/** What was found, to three digits, beyond which limit: in seconds, cores, threads a core or shares of 1. */
export interface ExceededLimit {
  readonly name: LimitName;
  readonly unit: LimitUnit;
  readonly value: number;
  readonly limit: number;
}

export interface ValidityReason {
  readonly state: "DEGRADED" | "INVALID";
  readonly what: string;
  readonly advice: string;
  /** The engine it concerns, where it is one. */
  readonly engine?: string;
  /** Missing where it is not a matter of how much. */
  readonly exceeded?: ExceededLimit;
}

export interface Validity {
  readonly state: ValidityState;
  readonly reasons: readonly ValidityReason[];
}
