import type { Clock } from "../model/host.ts";
import type { Probe } from "../model/record.ts";
import type { RunningEngine } from "../model/running.ts";
import { urlAt } from "../model/serverUrl.ts";
import { metrics } from "./metrics.ts";

/** What an engine counts of itself, under our names; nothing where it has no such page or is in this very process. */
export function engineMetrics(clock: Pick<Clock, "now">, { name, engine, reach }: RunningEngine): readonly Probe[] {
  const { metrics: told } = engine;
  if (told === undefined || reach.kind !== "http") return [];
  const { acceptAnyCertificate, url } = reach;
  const key = engine.wire.apiKey === undefined ? {} : { headers: { authorization: `Bearer ${engine.wire.apiKey}` } };
  return [metrics(clock, { name, url: urlAt(url, told.path), series: told.series, page: { acceptAnyCertificate, ...key } })];
}
