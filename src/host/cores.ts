import { readFileSync } from "node:fs";
import { isErrno } from "./processTable.ts";

/** How many cores the most free of these processes may use; undefined where the system does not tell. */
export function coresAllowed(pids: readonly number[]): number | undefined {
  const counts = pids.flatMap((pid) => coresOf(pid) ?? []);
  return counts.length === 0 ? undefined : Math.max(...counts);
}

function coresOf(pid: number): number | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(statusOf(pid))?.[1];
  return list === undefined ? undefined : coresIn(list);
}

/** "0-3,8" is five of them. */
export function coresIn(list: string): number {
  return list
    .split(",")
    .map((range) => range.split("-").map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}

/** Empty where the process has ended, or where there is no /proc. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return "";
    throw error;
  }
}
