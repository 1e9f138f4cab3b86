import type { OptionRule } from "../model/checkOptions.ts";
import { checkOptions, nonEmptyText, positive, share, wholeNumber, yesOrNo } from "../model/checkOptions.ts";
import type { SimulationOptions } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { most } from "../model/most.ts";
import { blockTokens } from "./memory.ts";

const rules: Readonly<Record<keyof SimulationOptions, OptionRule>> = {
  model: nonEmptyText,
  gpu: nonEmptyText,
  tensorParallel: wholeNumber({ from: 1, to: most.gpus }),
  gpuMemoryUtilization: share,
  prefixCaching: yesOrNo,
  chunkedPrefill: yesOrNo,
  maxSequences: wholeNumber({ from: 1 }),
  cpuCache,
  timeScale: positive,
};

/** Simulation options as they come from another process: all of them there, but for `maxSequences` and `cpuCache`, and each as it must be. */
export function parseSimulationOptions(given: unknown): SimulationOptions {
  if (typeof given !== "object" || given === null) throw new HarnessError("usage", "the simulation's options must be a JSON object");
  const names = Object.keys(rules);
  checkOptions("the simulation's options", given, names, rules);
  const missing = names.filter((name) => !["maxSequences", "cpuCache"].includes(name) && !(name in given));
  if (missing.length > 0) throw new HarnessError("usage", `the simulation's options lack ${missing.join(", ")}`);
  // Every field has just been looked at.
  return given as SimulationOptions;
}

function cpuCache(value: unknown): string | undefined {
  const { gigabytes, chunkTokens } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const whole = wholeNumber({ from: blockTokens })(chunkTokens) === undefined && Number(chunkTokens) % blockTokens === 0;
  return whole && positive(gigabytes) === undefined
    ? undefined
    : `must have gigabytes above 0 and chunkTokens that are a multiple of ${blockTokens}`;
}
