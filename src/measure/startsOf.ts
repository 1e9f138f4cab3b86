import type { ExperimentResult } from "../model/result.ts";
import type { Nanoseconds } from "../model/time.ts";

/** From what an engine's times of a block count, on the run's clock; undefined where it was not written down. */
export function startsOf({ starts = [] }: Pick<ExperimentResult, "starts">): (engine: string, block: number) => Nanoseconds | undefined {
  const ofEngines = new Map<string, Map<number, Nanoseconds>>();
  for (const { engine, block, at } of starts)
    ofEngines.set(engine, (ofEngines.get(engine) ?? new Map<number, Nanoseconds>()).set(block, at));
  return (engine, block) => ofEngines.get(engine)?.get(block);
}
