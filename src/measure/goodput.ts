import type { Slo } from "../model/experiment.ts";
import type { RequestRecord } from "../model/record.ts";
import { e2e, tpot, ttft } from "./latency.ts";

/**
 * The share of requests that met every objective, of all that were due: one that failed, was dropped or was cut off met none. A reply of one
 * token has no TPOT to be too long. Missing where nothing was due.
 */
export function goodput(records: readonly RequestRecord[], slo: Slo): number | undefined {
  if (records.length === 0) return undefined;
  return records.filter((record) => meets(record, slo)).length / records.length;
}

function meets(record: RequestRecord, slo: Slo): boolean {
  if (record.outcome.kind !== "completed") return false;
  const wait = ttft(record);
  const whole = e2e(record);
  // A completed request has a first token and a last one; without a stamp of them nobody knows that it was in time.
  if (wait === undefined || whole === undefined) return false;
  return isWithin(wait, slo.ttft) && isWithin(tpot(record) ?? 0, slo.tpot) && isWithin(whole, slo.e2e);
}

function isWithin(time: number, objective = Infinity): boolean {
  return time <= objective;
}
