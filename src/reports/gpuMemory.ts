import type { ExperimentResult } from "../model/result.ts";
import { toSeconds } from "../model/time.ts";
import type { Curve } from "./charts.ts";

/** The highest reading of each GPU within an experiment, in MiB, by "gpu-0", …; undefined where nothing was read. */
export function peakGpuMemory(experiment: ExperimentResult): Readonly<Record<string, number>> | undefined {
  const peaks = gpuReadings(experiment).reduce(
    (highest, { of, value }) => highest.set(of, Math.max(value, highest.get(of) ?? value)),
    new Map<string, number>(),
  );
  return peaks.size === 0 ? undefined : Object.fromEntries([...peaks].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })));
}

/** Each GPU's memory in GiB over the seconds since the experiment's start. */
export function gpuMemoryCurves(experiment: ExperimentResult): readonly Curve[] {
  const readings = gpuReadings(experiment);
  const start = experiment.span?.from ?? readings[0]?.at ?? 0;
  return Object.keys(peakGpuMemory(experiment) ?? {}).map((name) => ({
    name,
    points: readings.filter(({ of }) => of === name).map(({ at, value }) => ({ at: toSeconds(at - start), value: value / 1024 })),
  }));
}

// As the nvidia-smi probe names it, of gpu-0, gpu-1, …
function gpuReadings({ readings }: ExperimentResult) {
  return readings.filter(({ series }) => series === "gpu-memory-mib");
}
