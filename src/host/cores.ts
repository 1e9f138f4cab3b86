import { readdirSync, readFileSync } from "node:fs";
import { unlessGone } from "./unlessGone.ts";

/** How many cores the most free of these processes may use; undefined where the system does not tell. */
export function coresAllowed(pids: readonly number[]): number | undefined {
  const counts = pids.flatMap((pid) => allowedIn(statusOf(`/proc/${pid}`))?.length ?? []);
  return counts.length === 0 ? undefined : Math.max(...counts);
}

/** Those of our cores that no thread of these processes is bound to: a thread that may run wherever we may is bound to none. Empty without /proc. */
export function coresLeftBy(pids: readonly number[]): readonly number[] {
  const ours = allowedIn(statusOf("/proc/self")) ?? [];
  const bound = new Set(
    pids.flatMap(threadsOf).flatMap((thread) => {
      const theirs = allowedIn(statusOf(thread)) ?? [];
      return ours.every((core) => theirs.includes(core)) ? [] : theirs;
    }),
  );
  return ours.filter((core) => !bound.has(core));
}

/** "0-3,8" is five of them. */
export function coresIn(list: string): readonly number[] {
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function threadsOf(pid: number): readonly string[] {
  const tasks = `/proc/${pid}/task`;
  return (unlessGone(() => readdirSync(tasks)) ?? []).map((thread) => `${tasks}/${thread}`);
}

function allowedIn(status: string): readonly number[] | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return list === undefined ? undefined : coresIn(list);
}

function statusOf(place: string): string {
  return unlessGone(() => readFileSync(`${place}/status`, "utf8")) ?? "";
}
