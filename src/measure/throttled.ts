import type { ValidityReason } from "../model/figures.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import { mayBeUsed } from "./gpuUse.ts";
import { percent } from "./inWords.ts";
import { throttlingIn } from "./telemetry.ts";
import { isFault, type Throttling } from "./throttling.ts";
import { spansOf } from "./turns.ts";
import { beyond, limitsOf } from "./validityLimits.ts";

/** A GPU that its own protection slows down, while those that have it are measured, is not the GPU that was asked for. */
export function throttlingReasons(experiment: ExperimentResult, engines: readonly EngineDescription[]): readonly ValidityReason[] {
  if (!experiment.readings.some(({ series }) => series === "gpu-throttle-reasons")) return [];
  const limit = limitsOf(experiment.description).throttled;
  return spansOf(experiment, engines).flatMap((span) =>
    throttlingIn(span, experiment.readings)
      .filter(({ gpu }) => mayBeUsed(gpu, span.engines))
      .flatMap(({ name, shares, faulty }) =>
        beyond(limit, faulty, {
          what: `${name} was slowed down in ${percent(faulty)} of its readings: ${faultsIn(shares)}`,
          advice:
            "look at its cooling and its power supply (nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER), and measure again when it keeps its clock",
        }),
      ),
  );
}

function faultsIn(shares: Throttling["shares"]): string {
  return Object.keys(shares)
    .filter((words) => isFault.has(words))
    .join(", ");
}
