import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

import { nearest } from "../model/nearest.ts";

/** Of a path that is not there, the one that is and was probably meant: its first wrong part has a neighbour of about that name. */
export function nearestPath(path: string): string | undefined {
  let wrong = path;
  while (!existsSync(dirname(wrong))) wrong = dirname(wrong);
  const meant = nearest(basename(wrong), namesIn(dirname(wrong)));
  if (meant === undefined) return undefined;
  const corrected = join(dirname(wrong), meant, relative(wrong, path));
  return existsSync(corrected) ? corrected : undefined;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // it may not be read, or is a file
  }
}
