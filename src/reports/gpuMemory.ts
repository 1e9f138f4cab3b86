import type { ExperimentResult } from "../model/result.ts";

/** The highest reading of each GPU within an experiment, in MiB, by "gpu-0", …; undefined where nothing was read. */
export function peakGpuMemory(experiment: ExperimentResult): Readonly<Record<string, number>> | undefined {
  const peaks = gpuReadings(experiment).reduce(
    (highest, { of, value }) => highest.set(of, Math.max(value, highest.get(of) ?? value)),
    new Map<string, number>(),
  );
  return peaks.size === 0 ? undefined : Object.fromEntries([...peaks].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })));
}

// As the nvidia-smi probe names it, of gpu-0, gpu-1, …
function gpuReadings({ readings }: ExperimentResult) {
  return readings.filter(({ series }) => series === "gpu-memory-mib");
}
