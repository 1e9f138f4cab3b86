import { fewestPairs } from "../measure/compare.ts";
import { wavesOfBlock } from "../measure/waves.ts";
import { cacheState } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";

/** An experiment by its title, and what each of its blocks sends. */
interface Asked {
  readonly experiment: { readonly title: string; readonly repeats: number };
  readonly workload: Workload;
}

/** Experiments of which no comparison can be more than inconclusive, or none of cold requests or warm ones since they come in bursts, with what they lack. */
export function tooFewForVerdicts(experiments: readonly Asked[]): readonly string[] {
  return experiments.flatMap(({ experiment: { title, repeats }, workload }) => {
    const waves = wavesOfBlock(workload.requests.map(asDue));
    const kinds = [...Map.groupBy(workload.requests, cacheState)].map(([state, requests]) => ({
      state,
      requests: repeats * requests.length,
      waves: repeats * new Set(requests.map(({ id }) => waves.get(id))).size,
    }));
    const unsettled = `which engine is better will not be settled in ${title}`;
    if (kinds.every(({ requests }) => requests < fewestPairs)) {
      const most = Math.max(0, ...kinds.map(({ requests }) => requests));
      return [`${unsettled}: it has ${most} requests of a kind, and a verdict takes ${fewestPairs}`];
    }
    return kinds
      .filter((kind) => kind.requests >= fewestPairs && kind.waves < fewestPairs)
      .map(({ state, requests, waves: few }) => {
        const which = kinds.length === 1 ? "its requests" : `its ${requests} ${state === "partial" ? "partly cached" : state} requests`;
        const more = state === "cold" && kinds.length > 1 ? "ask about more documents" : "ask for more requests of each user";
        return `${unsettled}: ${which} come in ${few === 1 ? "one wave" : `${few} waves`}, and a verdict takes ${fewestPairs}: say repeats, or ${more}`;
      });
  });
}

function asDue({ id, arrival }: Workload["requests"][number]) {
  // What follows another is due once that has ended, whenever that is.
  return arrival.kind === "at" ? { request: id, due: arrival.offset } : { request: id, after: arrival.request, due: Infinity };
}
