import { lstatSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { HarnessError } from "../model/harnessError.ts";
import type { Call } from "./flags.ts";

/**
 * Throws unless a directory at this path can be written to, or made where there is none; leaves nothing behind. Called before anything else
 * takes time, and because Node's recursive mkdir never returns where the system answers as /proc does.
 */
export function checkOutputPlace(path: string, hint = anotherPlace): void {
  const [mistake] = outputMistakes(path, hint);
  if (mistake !== undefined) throw mistake;
}

/** The same, to be told with other mistakes. */
function outputMistakes(path: string, hint = anotherPlace): readonly HarnessError[] {
  const mistake = mistakeIn(nearestThere(resolve(path)));
  return mistake === undefined ? [] : [new HarnessError("output", `${path} cannot be written to: ${mistake}`, { hint })];
}

/** Of the directory that -o names; `--list` writes nothing. */
export function mistakesOfOutputDir({ options }: Pick<Call, "options">): readonly HarnessError[] {
  const path = options["outputDir"];
  return typeof path === "string" && options["list"] !== true ? outputMistakes(path) : [];
}

const anotherPlace = "name a directory you may write to, with space left: -o DIR";

/** The path itself, or the first above it that is there. */
function nearestThere(path: string): string {
  const above = dirname(path);
  return above === path || isThere(path) ? path : nearestThere(above);
}

/** A link to nowhere is there: a directory cannot be made in its place. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function mistakeIn(place: string): string | undefined {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return `${place} is a link to nowhere`;
  if (!found.isDirectory()) return `${place} is not a directory`;
  try {
    rmdirSync(mkdtempSync(join(place, ".tandem-")));
    return undefined;
  } catch (error) {
    return reasonOf(error, place);
  }
}

function reasonOf(error: unknown, place: string): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `you may not write in ${place}`;
    case "EROFS":
      return `${place} is on a file system that is read-only`;
    case "ENOSPC":
    case "EDQUOT":
      return `the disk of ${place} is full`;
    case "ENOENT":
      return `no directory can be made in ${place}`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
