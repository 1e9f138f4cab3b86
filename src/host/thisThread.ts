import { spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";

/**
 * Makes this thread a real-time one where that is permitted (root, CAP_SYS_NICE): by util-linux's `chrt`, since Node cannot; round robin, the
 * lowest of its priorities. Linux only; elsewhere nothing happens. TANDEM_PRIORITY=normal leaves it as it is. See docs/decisions/waking.md.
 * Returns whether it is one now.
 */
export function preferThisThread(): boolean {
  const own = ownThread();
  if (own === undefined || process.env["TANDEM_PRIORITY"] === "normal") return false;
  return spawnSync("chrt", ["--rr", "--pid", "1", String(own)], { stdio: "ignore" }).status === 0;
}

/**
 * Lets this thread run on these cores only, by util-linux's `taskset`: a real-time thread stays where it has been, and whoever is bound to that core
 * would wait for it.
 */
export function keepThisThreadOn(cores: readonly number[]): void {
  const own = ownThread();
  if (own !== undefined) spawnSync("taskset", ["--pid", "--cpu-list", cores.join(","), String(own)], { stdio: "ignore" });
}

/** "PID/task/THREAD" is where /proc/thread-self leads. */
function ownThread(): number | undefined {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return undefined; // no /proc
  }
}
