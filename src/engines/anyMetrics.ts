import type { EngineMetrics, MetricName, MetricSource } from "../model/engine.ts";
import { llamaCppMetrics } from "./llamaCpp.ts";
import { sglangMetrics } from "./sglangMetrics.ts";
import { tgiMetrics } from "./tgi.ts";
import { vllmBlock, vllmMetrics } from "./vllmMetrics.ts";

/** Of a server that may be any of them: the engine is in each metric's name, so that none is taken for another's. */
export const anyMetrics: EngineMetrics = {
  path: "/metrics",
  series: together([vllmMetrics, sglangMetrics, llamaCppMetrics, tgiMetrics]),
  block: vllmBlock,
};

/** A counter that an engine does not show before it counts is left out: of another engine it would be a 0 that nobody told. */
function together(engines: readonly EngineMetrics[]): EngineMetrics["series"] {
  const series: Partial<Record<MetricName, readonly MetricSource[]>> = {};
  for (const [name, sources] of engines.flatMap((one) => Object.entries(one.series))) {
    const ours = name as MetricName; // a key of `series`
    const shown = sources.filter(({ startsUnshown }) => startsUnshown !== true);
    if (shown.length > 0) series[ours] = [...(series[ours] ?? []), ...shown];
  }
  return series;
}
