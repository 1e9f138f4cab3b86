import { setTimeout as pause } from "node:timers/promises";

import type { MetricName } from "../model/engine.ts";
import type { RunningEngine } from "../model/running.ts";
import { urlAt } from "../model/serverUrl.ts";
import { hasLabels, scrape } from "../probes/metrics.ts";
import type { Metric } from "../probes/parseMetrics.ts";
import { asked, type Asked } from "./askedPrompt.ts";

/** In milliseconds: an engine's counters follow its replies. */
const countedAfter = 200;

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

/** Since then, with time for what has just been answered. */
export async function hitsSince(before: CountedHits, running: RunningEngine): Promise<CountedHits> {
  if (running.reach.kind === "http") await pause(countedAfter);
  const now = await countedHits(running);
  return { own: growth(before.own, now.own), external: growth(before.external, now.external) };
}

/** As `asked`; cached tokens that a reply does not tell are those by which the engine's counters grew meanwhile. */
export function askingCounters(running: RunningEngine): typeof asked {
  return async (...request) => {
    const before = await countedHits(running);
    const reply = await asked(...request);
    const { ending } = reply;
    if (ending.cachedTokens !== undefined || ending.outcome.kind !== "completed") return reply;
    return withHits(reply, await hitsSince(before, running));
  };
}

function withHits({ ending, took }: Asked, { own, external }: CountedHits): Asked {
  if (own === undefined && external === undefined) return { ending, took };
  return { ending: { ...ending, cachedTokens: (own ?? 0) + (external ?? 0) }, took };
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
