import { readdirSync, readFileSync } from "node:fs";

/** Journals, logs, scrapes and children need some, too. */
const kept = 64;

/** How many connections this process may still open, by its limit of open files (`ulimit -n`); Infinity where nothing tells. */
export function filesForConnections(): number {
  const limit = fileLimit();
  return limit === Infinity ? limit : Math.max(0, limit - openNow() - Math.min(kept, Math.floor(limit / 4)));
}

/** `ulimit -n` of this process; Infinity where nothing tells. */
export function fileLimit(): number {
  return Number(/^Max open files +(\d+)/m.exec(textOf("/proc/self/limits"))?.[1] ?? Infinity);
}

function openNow(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0; // no /proc, and then no limit was read either
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
