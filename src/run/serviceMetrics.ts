import { addressOf, type SlottedService } from "../launch/neededServices.ts";
import type { Clock } from "../model/host.ts";
import type { Probe } from "../model/record.ts";
import { metrics } from "../probes/metrics.ts";

/** What a service counts of itself, told as its engine's: a cache beside an engine is a part of it. Of one that several engines share it is told as its own: nobody knows whose it was. */
export function serviceMetrics(one: SlottedService, clock: Pick<Clock, "now">): readonly Probe[] {
  const { metrics: told } = one.service;
  const { host, ports } = addressOf(one);
  const port = told === undefined ? undefined : ports[told.port];
  if (told === undefined || port === undefined) return [];
  const [name = one.name, ...others] = one.engines;
  return [metrics(clock, { name: others.length === 0 ? name : one.name, url: `http://${host}:${port}${told.path}`, series: told.series })];
}
