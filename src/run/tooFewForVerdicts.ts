import { fewestPairs } from "../measure/compare.ts";
import { wavesOfBlock } from "../measure/waves.ts";
import { cacheState } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";

/** An experiment by its title, and what each of its blocks sends. */
interface Asked {
  readonly experiment: { readonly title: string; readonly repeats: number };
  readonly workload: Workload;
}

/** Experiments of which no comparison can be more than inconclusive, whatever is measured, with what they lack. */
export function tooFewForVerdicts(experiments: readonly Asked[]): readonly string[] {
  return experiments.flatMap(({ experiment: { title, repeats }, workload }) => {
    const states = [...Map.groupBy(workload.requests, cacheState).values()].map((requests) => requests.map(({ id }) => id));
    const waves = wavesOfBlock(workload.requests.map(asDue));
    const most = Math.max(0, ...states.map((requests) => repeats * new Set(requests.map((id) => waves.get(id))).size));
    if (most >= fewestPairs) return [];
    const requests = Math.max(0, ...states.map(({ length }) => repeats * length));
    const lack =
      requests < fewestPairs
        ? `it has ${requests} requests of a kind, and a verdict takes ${fewestPairs}`
        : `its requests come in ${most === 1 ? "one wave" : `${most} waves`}, and a verdict takes ${fewestPairs}: say repeats, or ask for more requests of each user`;
    return [`which engine is better will not be settled in ${title}: ${lack}`];
  });
}

function asDue({ id, arrival }: Workload["requests"][number]) {
  // What follows another is due once that has ended, whenever that is.
  return arrival.kind === "at" ? { request: id, due: arrival.offset } : { request: id, after: arrival.request, due: Infinity };
}
