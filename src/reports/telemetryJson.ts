import { telemetryOf, type Track } from "../measure/telemetry.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";

/** Names in the JSON, each with its unit, by the names of the journal's readings. */
const engineNames = {
  "requests-in-flight": "requests_in_flight",
  "running-requests": "running_requests",
  "waiting-requests": "waiting_requests",
  "kv-usage-share": "kv_usage_share",
} as const;

const gpuNames = {
  "gpu-memory-mib": "memory_mib",
  "gpu-utilization-percent": "utilization_percent",
  "gpu-power-watts": "power_watts",
  "gpu-sm-clock-mhz": "sm_clock_mhz",
} as const;

/** What engines and GPUs told while requests were under way: mean and maximum of each; undefined where they told nothing. */
export function telemetryJson(experiment: ExperimentResult, described: readonly EngineDescription[]): unknown {
  const { engines, gpus, throttling } = telemetryOf(experiment, described);
  if (engines.length + gpus.length === 0) return undefined;
  const sharesOf = new Map(throttling.map(({ name, shares }) => [name, shares]));
  const byEngine = [...Map.groupBy(engines, ({ name }) => name)];
  const byGpu = [...Map.groupBy(gpus, ({ name }) => name).values()];
  return {
    engines: byEngine.map(([engine, tracks]) => ({ engine, ...figuresOf(tracks, engineNames) })),
    gpus: byGpu.map((tracks) => ({
      gpu: tracks[0]?.gpu,
      engines: tracks[0]?.engines,
      ...figuresOf(tracks, gpuNames),
      throttled_by_share: sharesOf.get(tracks[0]?.name ?? ""),
    })),
  };
}

/** Only of what was read while requests were under way. */
function figuresOf(tracks: readonly Track[], names: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    tracks.flatMap(({ series, readings, mean, max }) => {
      const name = names[series];
      return name === undefined || max === undefined ? [] : [[name, { readings, mean, max }]];
    }),
  );
}
