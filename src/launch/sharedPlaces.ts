import type { Engine } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { isContained } from "../model/startedLaunch.ts";
import type { Declared } from "./neededServices.ts";
import { placeOutside } from "./placeOutside.ts";
import { realPlace } from "./realPlace.ts";

/** Two engines that keep cache in one place would find each other's: a mistake, unless both say that they share it. */
export async function refuseSharedPlaces(engines: readonly Declared[]): Promise<void> {
  const said = engines.flatMap(({ name, engine, world }) =>
    (engine.keepsOutside?.(world) ?? []).map(({ place, ...one }) => ({ name, ...one, place: onThisMachine(place, engine) })),
  );
  if (new Set(said.map(({ name }) => name)).size < 2) return;
  const kept = await Promise.all(said.map(async (one) => ({ ...one, real: await realPlace(one.place) })));
  const collisions = [...Map.groupBy(kept, ({ real }) => real).values()].filter((same) => {
    const owners = new Set(same.map(({ name }) => name));
    return owners.size > 1 && (same.some(({ shared }) => shared === undefined) || new Set(same.map(({ shared }) => shared)).size > 1);
  });
  if (collisions.length === 0) return;
  const told = collisions.map((same) => {
    const [names, places] = [new Set(same.map(({ name }) => name)), new Set(same.map(({ place }) => place))];
    return `${[...names].join(" and ")} both keep KV cache at ${[...places].join(", which is ")}`;
  });
  throw new HarnessError("usage", told.join("; "), {
    hint: 'each would find what the other has stored: give them places of their own, or say that it is meant with the same key in both: shared: "kv"',
  });
}

/** A directory in a container is where the author's volumes have it; else it lies at the same path outside. */
export function onThisMachine(place: string, { launch }: Engine): string {
  if (!isContained(launch) || !place.startsWith("/")) return place;
  return placeOutside(place, launch.container.volumes ?? []) ?? place;
}
