import { cacheState } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";
import type { StandInOptions } from "./standInFigures.ts";

/** An experiment, and what each of its blocks sends. */
export interface Asked {
  readonly experiment: { readonly title: string; readonly slo?: unknown };
  readonly workload: Workload;
  readonly laterBlocks: readonly { readonly workload: Workload }[];
}

/** Figures of as many requests as an engine is sent, later blocks included. */
export function sizesOf({ experiment, workload, laterBlocks }: Asked): Required<Pick<StandInOptions, "sizes" | "hasSlo">> {
  const requests = [workload, ...laterBlocks.map((block) => block.workload)].flatMap((one) => one.requests);
  const of = (state: ReturnType<typeof cacheState>) => requests.filter((request) => cacheState(request) === state).length;
  return {
    sizes: { all: requests.length, cold: of("cold"), partial: of("partial"), warm: of("warm") },
    hasSlo: experiment.slo !== undefined,
  };
}
