import type { Engine } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Declared } from "./neededServices.ts";
import { placeOutside } from "./placeOutside.ts";

/** Two engines that keep cache in one place would find each other's: a mistake, unless both say that they share it. */
export function refuseSharedPlaces(engines: readonly Declared[]): void {
  const kept = engines.flatMap(({ name, engine, world }) =>
    (engine.keepsOutside?.(world) ?? []).map(({ place, ...one }) => ({ name, ...one, place: onThisMachine(place, engine) })),
  );
  const collisions = [...Map.groupBy(kept, ({ place }) => place)].filter(([, same]) => {
    const owners = new Set(same.map(({ name }) => name));
    return owners.size > 1 && (same.some(({ shared }) => shared === undefined) || new Set(same.map(({ shared }) => shared)).size > 1);
  });
  if (collisions.length === 0) return;
  const told = collisions.map(
    ([place, same]) => `${[...new Set(same.map(({ name }) => name))].join(" and ")} both keep KV cache at ${place}`,
  );
  throw new HarnessError("usage", told.join("; "), {
    hint: 'each would find what the other has stored: give them places of their own, or say that it is meant with the same key in both: shared: "kv"',
  });
}

/** A directory in a container is where the author's volumes have it; else it lies at the same path outside. */
function onThisMachine(place: string, { launch }: Engine): string {
  if (launch.kind !== "docker" || !place.startsWith("/")) return place;
  return placeOutside(place, launch.container.volumes ?? []) ?? place;
}
