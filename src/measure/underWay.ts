import type { RequestRecord } from "../model/record.ts";
import { spanOf } from "./spanOf.ts";
import { toSeconds } from "../model/time.ts";

/** How many of these requests are under way at once, on average over time; 0 where nothing was sent. */
export function underWay(records: readonly RequestRecord[]): number {
  let all = 0;
  for (const { sent, ended } of records) if (sent !== undefined && ended !== undefined) all += toSeconds(ended - sent);
  return all / (spanOf(records) ?? Infinity);
}
