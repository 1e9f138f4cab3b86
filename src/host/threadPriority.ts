import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** How a thread is put before others: as a real-time thread, by niceness, or not at all. */
export type Preference = "real-time" | "nice" | "none";

/**
 * Puts this thread before all others of its machine where that is permitted (root, CAP_SYS_NICE), and the threads that compile and collect
 * garbage for V8 behind: beside the thread that reads sockets, on the same core, they took it for up to 4 ms at a time. Linux only; elsewhere
 * nothing happens. TANDEM_PRIORITY=normal leaves everything as it is. See docs/decisions/waking.md.
 */
export function preferThisThread(): Preference {
  const own = ownThread();
  if (own === undefined || process.env["TANDEM_PRIORITY"] === "normal") return "none";
  for (const thread of helperThreads()) setNiceness(thread, constants.priority.PRIORITY_LOW);
  if (isMadeRealTime(own)) return "real-time";
  return setNiceness(own, constants.priority.PRIORITY_HIGH) ? "nice" : "none";
}

/** By util-linux's program: Node cannot. Round robin, the lowest of its priorities; the kernel leaves others 5 % of a core whatever happens. */
function isMadeRealTime(thread: number): boolean {
  return spawnSync("chrt", ["--rr", "--pid", "1", String(thread)], { stdio: "ignore" }).status === 0;
}

function setNiceness(thread: number, niceness: number): boolean {
  try {
    setPriority(thread, niceness);
    return true;
  } catch {
    return false; // ended, or not permitted: it runs as before
  }
}

function helperThreads(): readonly number[] {
  try {
    const threads = readdirSync("/proc/self/task");
    return threads.filter((thread) => readFileSync(`/proc/self/task/${thread}/comm`, "utf8").startsWith("V8Worker")).map(Number);
  } catch {
    return []; // no /proc
  }
}

/** "PID/task/THREAD" is where /proc/thread-self leads. */
function ownThread(): number | undefined {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return undefined;
  }
}
