import type { MetricName } from "../model/engine.ts";
import type { RunningEngine } from "../model/running.ts";
import { urlAt } from "../model/serverUrl.ts";
import { hasLabels, scrape } from "../probes/metrics.ts";
import type { Metric } from "../probes/parseMetrics.ts";

/** Prompt tokens that came out of its caches, by an engine's own count; undefined where it does not tell. */
export interface CountedHits {
  readonly own: number | undefined;
  readonly external: number | undefined;
}

export async function metricsOf({ engine, reach }: RunningEngine): Promise<readonly Metric[]> {
  if (engine.metrics === undefined || reach.kind !== "http") return [];
  return scrape(urlAt(reach.url, engine.metrics.path), 5);
}

/** Since it is up. */
export async function countedHits(running: RunningEngine): Promise<CountedHits> {
  const page = await metricsOf(running);
  return { own: counted(running, page, "prefix-hit-tokens-total"), external: counted(running, page, "external-hit-tokens-total") };
}

export function hitsSince(before: CountedHits, now: CountedHits): CountedHits {
  return { own: growth(before.own, now.own), external: growth(before.external, now.external) };
}

/** By the first of its sources that is there: versions differ in which they have. */
function counted({ engine }: RunningEngine, page: readonly Metric[], series: MetricName): number | undefined {
  const sources = engine.metrics?.series[series] ?? [];
  const shown = sources.map((source) => page.filter((line) => line.name === source.name && hasLabels(line, source)));
  return shown.find(({ length }) => length > 0)?.reduce((sum, { value }) => sum + value, 0);
}

function growth(before: number | undefined, now: number | undefined): number | undefined {
  return before === undefined || now === undefined ? undefined : now - before;
}
