import type { ValidityReason } from "../model/figures.ts";
import { onlyModel } from "../model/engine.ts";
import type { EngineDescription, ExperimentDescription } from "../model/result.ts";
import { serverAt } from "../model/serverUrl.ts";

/**
 * Engines that are one server, attached by different names of this machine or ways of asking: what one was sent, the other finds in its caches, and at the
 * same time they wait for each other. In turn, with caches emptied before each, they may be compared. Two models at one address may as well be two servers
 * behind a gateway: nothing is said of them.
 */
export function oneServerReasons(
  engines: readonly EngineDescription[],
  { cacheState, order }: ExperimentDescription,
): readonly ValidityReason[] {
  if (cacheState === "cold" && order === "inTurn") return [];
  const attached = engines.flatMap(({ name, model, url }) => (url === undefined ? [] : [{ name, model, url }]));
  return [...Map.groupBy(attached, ({ url }) => serverAt(url)).values()].flatMap(byModel).flatMap((same) => {
    if (same.length < 2) return [];
    const names = same.map(({ name }) => name).join(" and ");
    return {
      state: "DEGRADED" as const,
      what: `${names} are one server (${same[0]?.url}): what one of them was sent is in the caches of the other, and at the same time they wait for each other`,
      advice: "compare two servers; ways of asking one are measured in a test each, which asks about documents of its own",
    };
  });
}

/** Whoever names no model is answered by the only one there is. */
function byModel<Asked extends Pick<EngineDescription, "model">>(same: readonly Asked[]): readonly (readonly Asked[])[] {
  return same.some(({ model }) => model === onlyModel) ? [same] : [...Map.groupBy(same, ({ model }) => model).values()];
}
