import type { RequestRecord } from "../model/record.ts";
import { smallestOf } from "../model/extremes.ts";
import type { Seconds } from "../model/time.ts";
import { tpot, ttft } from "./latency.ts";
import { widened } from "./likeness.ts";
import { studentT } from "./studentT.ts";
import { isCompleted } from "./summary.ts";

/** How the second half of an engine's requests differs from the first. */
export interface HalvesApart {
  readonly metric: "TTFT" | "TPOT";
  /** Second by first, of geometric means. */
  readonly ratio: number;
  /** How far the ratio is from 1 at least, as a share: the nearer end of a 95 % interval, 0 where that holds 1. */
  readonly apart: number;
}

/** Below so many in each half there is no telling a change from chance. */
const fewest = 8;

/**
 * Whether an engine stayed the same while it was measured: TTFT and TPOT of its requests, each kind (the same lengths and cache state) apart,
 * in the order in which they were sent. Welch's interval (B. L. Welch, Biometrika 34, 1947) of the mean logarithm, first half against second,
 * with as many degrees of freedom as the smaller half has, never more than Welch's own, and wider where neighbours are alike, as they are in a
 * queue: its waits go up and down for long though nothing changes. The metric and kind that changed most for certain.
 */
export function halvesApart(records: readonly RequestRecord[]): HalvesApart | undefined {
  const sent = records
    .filter((record) => isCompleted(record) && record.sent !== undefined)
    .sort((one, other) => one.block - other.block || (one.sent ?? 0) - (other.sent ?? 0));
  const kinds = [...Map.groupBy(sent, kindOf).values()].filter(isOverTime);
  const found = kinds.flatMap((alike) => [apart("TTFT", alike.map(ttft)), apart("TPOT", alike.map(tpot))]);
  return found.reduce((most, one) => (one !== undefined && (most === undefined || one.apart > most.apart) ? one : most), undefined);
}

/** What is sent before the first is answered has places in a queue, and no history. Times count from each block's own start. */
function isOverTime(alike: readonly RequestRecord[]): boolean {
  const [first, middle] = [alike[0], alike[Math.ceil(alike.length / 2)]];
  if (first === undefined || middle === undefined) return false;
  const ends = alike.filter(({ block }) => block === first.block).map(({ ended = Infinity }) => ended);
  return middle.block > first.block || (middle.sent ?? 0) > smallestOf(ends);
}

function kindOf({ cache, contextTokens, questionTokens, maxOutputTokens = 0 }: RequestRecord): string {
  return [cache, contextTokens, questionTokens, maxOutputTokens].join(" ");
}

function apart(metric: HalvesApart["metric"], times: readonly (Seconds | undefined)[]): HalvesApart | undefined {
  const logarithms = times.flatMap((time) => (time !== undefined && time > 0 ? [Math.log(time)] : []));
  const half = Math.floor(logarithms.length / 2);
  const [first, second] = [logarithms.slice(0, half), logarithms.slice(-half)];
  const t = studentT(half - 1);
  if (half < fewest || t === undefined) return undefined;
  const difference = mean(second) - mean(first);
  const error = t * Math.sqrt(varianceOfMean(first) + varianceOfMean(second));
  const [, margin] = widened([-error, error], 0, Float64Array.from([...residuals(first), ...residuals(second)]));
  const nearer = Math.max(0, Math.abs(difference) - margin);
  return { metric, ratio: Math.exp(difference), apart: Math.exp(nearer) - 1 };
}

/** What is left of each where its half is taken for steady: a change between the halves must not look like neighbours that are alike. */
function residuals(half: readonly number[]): readonly number[] {
  const middle = mean(half);
  return half.map((value) => value - middle);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function varianceOfMean(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1) / values.length;
}
