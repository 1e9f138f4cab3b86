import { stat } from "node:fs/promises";

import { HarnessError } from "../model/harnessError.ts";

/** What containers would be given of this machine and is not there: the daemon would make an empty directory of it, root's. */
export async function missingVolumes(name: string, volumes: readonly string[]): Promise<HarnessError | undefined> {
  const outside = volumes.flatMap((volume) => volume.split(":")[0] ?? []).filter((path) => path.startsWith("/"));
  const there = await Promise.all(outside.map(isThere));
  const missing = [...new Set(outside.filter((_, index) => there[index] === false))];
  if (missing.length === 0) return undefined;
  return new HarnessError(
    "engine-missing",
    `engine ${name}: its volumes have ${missing.join(" and ")}, which ${missing.length === 1 ? "is" : "are"} not here`,
    {
      hint: "correct its container's volumes, or make what is to be empty at first",
    },
  );
}

/** What we may not look at is the daemon's to see. */
async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => !(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")),
  );
}
