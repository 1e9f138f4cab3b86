import { fewestPairs } from "../measure/judgement.ts";
import { forMore } from "../measure/forMore.ts";
import { wavesOfBlock } from "../measure/waves.ts";
import { attachedTest } from "../model/attachedTest.ts";
import { grouped } from "../model/grouped.ts";
import { cacheState } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";

/** An experiment by its title, and what each of its blocks sends. */
interface Asked {
  readonly experiment: { readonly title: string; readonly repeats: number };
  readonly workload: Workload;
}

/** Experiments of which no comparison can be more than inconclusive, or none of cold requests or warm ones since they come in bursts, with what they lack. */
export function tooFewForVerdicts(test: string, experiments: readonly Asked[]): readonly string[] {
  return experiments.flatMap(({ experiment: { title, repeats }, workload }) => {
    const waves = wavesOfBlock(workload.requests.map(asDue));
    const kinds = [...Map.groupBy(workload.requests, cacheState)].map(([state, requests]) => ({
      state,
      requests: repeats * requests.length,
      waves: repeats * new Set(requests.map(({ id }) => waves.get(id))).size,
    }));
    if (kinds.every(({ requests }) => requests < fewestPairs)) {
      const most = Math.max(0, ...kinds.map(({ requests }) => requests));
      return [`${unsettled(title)}: it has ${most === 1 ? "1 request" : `${most} requests`} of a kind, and a verdict takes ${fewestPairs}`];
    }
    const few = kinds.filter((kind) => kind.requests >= fewestPairs && kind.waves < fewestPairs);
    const isSettledElse = kinds.some((kind) => kind.requests >= fewestPairs && kind.waves >= fewestPairs);
    const followsOthers = workload.requests.some(({ arrival }) => arrival.kind === "after");
    return few.map((kind) => {
      const which = kinds.length === 1 ? "its requests" : `its ${grouped(kind.requests)} ${named[kind.state]} requests`;
      const only = isSettledElse ? ` for ${named[kind.state]} requests` : "";
      const more = kind.state === "cold" && kinds.length > 1 ? "more documents" : "more requests";
      const orElse = followsOthers ? `, or have ${more}, or fewer users at a time` : "";
      const advice = test === attachedTest ? forMore(test).waves : `say repeats${orElse}`;
      return `${unsettled(title, only)}: ${which} come in ${kind.waves === 1 ? "one wave" : `${kind.waves} waves`}, and a verdict takes ${fewestPairs}: ${advice}`;
    });
  });
}

const named = { cold: "cold", partial: "partly cached", warm: "warm" } as const;

function unsettled(title: string, only = ""): string {
  return `which engine is better${only} will not be settled in ${title}`;
}

function asDue({ id, arrival }: Workload["requests"][number]) {
  // What follows another is due once that has ended, whenever that is.
  return arrival.kind === "at" ? { request: id, due: arrival.offset } : { request: id, after: arrival.request, due: Infinity };
}
