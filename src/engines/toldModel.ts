import type { RealPath } from "../model/engine.ts";

/**
 * The model that a log names, beside the one that was asked for: `asked` where it is that one under whatever name, undefined where that cannot
 * be known. vLLM prints what it was given, but for models that it has fetched, and says where these are.
 */
export function toldModel(asked: string, found: string, realPath: RealPath): string | undefined {
  if (asked.includes("://")) return undefined; // fetched to a directory of its own
  const [ours, theirs] = [plain(asked), plain(found)];
  if (ours === theirs) return asked;
  if (!isPath(theirs)) return found;
  if (isPath(ours)) return ofPaths(asked, found, realPath);
  const repository = /\/models--([^/]+)\//.exec(theirs)?.[1]?.replaceAll("--", "/").toLowerCase();
  if (repository !== undefined) return repository === ours ? asked : found;
  return theirs.toLowerCase().endsWith(`/${ours}`) ? asked : undefined;
}

function isPath(model: string): boolean {
  return model.startsWith("/");
}

/** Hub names know no upper case; a part behind a colon is a file of that repository. */
function plain(model: string): string {
  const path = model.replace(/^(?:\.\/)+/, "").replace(/(?<=.)\/+$/, "");
  return isPath(path) ? path : path.toLowerCase().replace(/:[^/]*$/, "");
}

/** A link and where it leads are the same; a copy keeps its name, and who can say of what it is one. */
function ofPaths(asked: string, found: string, realPath: RealPath): string | undefined {
  if (realPath(asked) === realPath(found)) return asked;
  return lastOf(asked) === lastOf(found) || found.includes("/snapshots/") ? undefined : found;
}

function lastOf(path: string): string | undefined {
  return plain(path).split("/").at(-1);
}
