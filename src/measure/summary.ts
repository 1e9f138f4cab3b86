import type { Slo } from "../model/experiment.ts";
import type { EngineSummary, Summary } from "../model/figures.ts";
import type { RequestRecord } from "../model/record.ts";
import type { CacheState } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import { distribution, gapDistribution, type Company } from "./distribution.ts";
import { goodput } from "./goodput.ts";
import { known } from "./known.ts";
import { e2e, e2eFromDue, gaps, gapsOf, sendLag, throughput, timeToHeaders, tpot, ttft, ttftFromDue, type Gaps } from "./latency.ts";
import { ofEngine } from "./ofEngine.ts";
import { pairOf } from "./pairs.ts";
import { spanOf } from "./spanOf.ts";
import { sum } from "./sums.ts";
import { underWay } from "./underWay.ts";
import { wavesOf } from "./waves.ts";

/** One population of requests. Latencies are of completed ones; every request that was due stays in the denominators. */
export function summarise(records: readonly RequestRecord[], slo?: Slo): Summary {
  return summaryOf(records, { between: gaps(records.filter(isCompleted)), waves: wavesOf(records, records), slo });
}

interface Known {
  /** The gaps of those that are completed. */
  readonly between: Gaps;
  /** Which one each of the engine's requests came in, by the number of its pair. */
  readonly waves: ReadonlyMap<number, number>;
  readonly slo: Slo | undefined;
}

function summaryOf(records: readonly RequestRecord[], { between, waves, slo }: Known): Summary {
  const completed = records.filter(isCompleted);
  const company = companyOf(completed, waves);
  const companyOfAll = completed.length === records.length ? company : companyOf(records, waves);
  const over = (metric: (record: RequestRecord) => number | undefined) => distribution(completed.map(metric), company);
  const outputTokens = sumOfAll(completed.map(({ outputTokens }) => outputTokens));
  return known({
    ...countsOf(records),
    waves: company.waves && new Set(company.waves).size,
    ttft: over(ttft),
    ttftFromDue: over(ttftFromDue),
    timeToHeaders: over(timeToHeaders),
    e2e: over(e2e),
    e2eFromDue: over(e2eFromDue),
    itl: gapDistribution(between, company),
    tpot: over(tpot),
    throughput: over(throughput),
    // The harness's own: it is late or not whatever becomes of the request.
    sendLag: distribution(records.map(sendLag), companyOfAll),
    promptTokens: sumOfAll(completed.map(({ promptTokens }) => promptTokens)),
    cachedTokens: sumOfTold(completed.map(({ cachedTokens }) => cachedTokens)),
    outputTokens,
    ...rates(spanOf(records), completed.length, outputTokens),
    goodput: slo === undefined ? undefined : goodput(records, slo),
  });
}

function companyOf(records: readonly RequestRecord[], waves: ReadonlyMap<number, number>): Company {
  const came = records.map((record) => waves.get(pairOf(record)) ?? 0);
  return known({ waves: new Set(came).size < came.length ? came : undefined, underWay: underWay(records) });
}

/** What became of them. */
export function countsOf(
  records: readonly RequestRecord[],
): Pick<Summary, "requests" | "completed" | "failures" | "cancelled" | "failuresByCode"> {
  const completed = records.filter(isCompleted).length;
  const failures = records.filter(isFailure);
  const cancelled = records.length - completed - failures.length;
  return { requests: records.length, completed, failures: failures.length, cancelled, failuresByCode: byCode(failures) };
}

/** An engine's whole population, and its cold, partial and warm parts. A part that is the whole is not summed up again. */
export function engineSummary(engine: string, records: readonly RequestRecord[], slo?: Slo): EngineSummary {
  const own = ofEngine(records, engine);
  const completed = own.filter(isCompleted);
  const [between, waves] = [gaps(completed), wavesOf(own, own)];
  const all = summaryOf(own, { between, waves, slo });
  const part = (state: CacheState) => {
    const members = own.filter(({ cache }) => cache === state);
    if (members.length === own.length) return all;
    const streams = completed.flatMap(({ cache }, stream) => (cache === state ? [stream] : []));
    return summaryOf(members, { between: gapsOf(between, streams), waves, slo });
  };
  return { engine, ...all, cold: part("cold"), partial: part("partial"), warm: part("warm") };
}

export function isCompleted({ outcome }: RequestRecord): boolean {
  return outcome.kind === "completed";
}

function isFailure({ outcome }: RequestRecord): boolean {
  return outcome.kind === "failed" || outcome.kind === "dropped";
}

// In the order of the alphabet, whatever failed first.
function byCode(failures: readonly RequestRecord[]): Readonly<Record<string, number>> {
  const codes = Map.groupBy(failures, ({ outcome }) => (outcome.kind === "failed" ? outcome.code : outcome.kind));
  return Object.fromEntries([...codes].map(([code, of]) => [code, of.length] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Missing when one of them is: the sum of the others would pass for the sum of all. */
function sumOfAll(values: readonly (number | undefined)[]): number | undefined {
  return values.includes(undefined) ? undefined : sumOfTold(values);
}

/** Missing only when nobody told: engines leave out a count of cached tokens that is 0. */
function sumOfTold(values: readonly (number | undefined)[]): number | undefined {
  const told = values.filter((value) => value !== undefined);
  return told.length === 0 ? undefined : sum(told);
}

function rates(span: Seconds | undefined, completed: number, outputTokens: number | undefined) {
  if (span === undefined) return {};
  return {
    span,
    requestsPerSecond: completed / span,
    outputTokensPerSecond: outputTokens === undefined ? undefined : outputTokens / span,
  };
}
