import { posix } from "node:path";

/** Where a path inside a container lies outside it by the author's volumes; undefined where none of them holds it. */
export function placeOutside(path: string, volumes: readonly string[]): string | undefined {
  const holding = volumes.flatMap((volume) => {
    const [outside = "", inside = ""] = volume.split(":");
    const below = posix.relative(inside, path);
    return below === ".." || below.startsWith("../") ? [] : [{ outside, below }];
  });
  // A volume in a volume is over it.
  const [nearest] = holding.toSorted((one, other) => one.below.length - other.below.length);
  return nearest === undefined ? undefined : posix.join(nearest.outside, nearest.below).replace(/(?<=.)\/$/, "");
}
