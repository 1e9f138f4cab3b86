import { spawn, type ChildProcess } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import type { Root } from "./processTable.ts";
import { sharedMemoryNow } from "./sharedMemory.ts";

/** Ends everything that carries a mark, or descends from a root it was told of, when this process is gone: however it went. */
export interface Watchdog {
  watch(root: Root): void;
}

/**
 * A second process, in a session of its own so that a terminal's signals pass it by. It holds the other end of a pipe: when we end,
 * SIGKILL included, the pipe does too. It sleeps until then, and leaves when nobody is left.
 */
export function startWatchdog(mark: string): Watchdog {
  const roots: Root[] = [];
  const before = sharedMemoryNow();
  let guard = keepWatch(mark, before);
  return {
    watch: (root) => {
      roots.push(root);
      if (!hasEnded(guard)) return tell(guard, root);
      // Somebody has killed it: its successor has to hear of everybody again.
      guard = keepWatch(mark, before);
      for (const known of roots) tell(guard, known);
    },
  };
}

// This file's own ending: .ts as it is run here, .js once packed.
const program = fileURLToPath(new URL("./watchdogProcess.ts", import.meta.url)).replace(/\.ts$/, extname(import.meta.url));

function keepWatch(mark: string, sharedMemory: readonly string[]): ChildProcess {
  // Its environment is empty: it must not look like one of those it kills.
  const child = spawn(process.execPath, [program, mark, ...sharedMemory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
    cwd: "/",
  });
  child.on("error", () => {}); // shows as ended; the next start tries again
  child.stdin?.on("error", () => {});
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return child;
}

function tell(child: ChildProcess, root: Root): void {
  child.stdin?.write(`${JSON.stringify({ pid: root.pid, startedAt: root.startedAt })}\n`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
