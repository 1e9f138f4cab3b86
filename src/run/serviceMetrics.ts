import { addressOf, type SlottedService } from "../launch/neededServices.ts";
import type { Clock } from "../model/host.ts";
import type { Probe } from "../model/record.ts";
import { metrics } from "../probes/metrics.ts";

/** What a service counts of itself, told as its engines': a cache beside an engine is a part of it. */
export function serviceMetrics(one: SlottedService, clock: Pick<Clock, "now">): readonly Probe[] {
  const { metrics: told } = one.service;
  const { host, ports } = addressOf(one);
  const port = told === undefined ? undefined : ports[told.port];
  if (told === undefined || port === undefined) return [];
  return one.engines.map((name) => metrics(clock, { name, url: `http://${host}:${port}${told.path}`, series: told.series }));
}
