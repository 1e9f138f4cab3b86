import { spawn } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import { harnessMark } from "./containerMarks.ts";

// This file's own ending: .ts as it is run here, .js once packed.
const program = fileURLToPath(new URL("./containerGuardProcess.ts", import.meta.url)).replace(/\.ts$/, extname(import.meta.url));

const guarded = new Set<string>();

/** From now on, our containers at this daemon are removed when this process is gone, SIGKILL included. As the watchdog does for processes. */
export function guardContainers(socket: string): void {
  if (guarded.has(socket)) return;
  const child = spawn(process.execPath, [program, socket, harnessMark()], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
    cwd: "/",
  });
  guarded.add(socket);
  // Killed by somebody: the next container gets a new one.
  child.on("exit", () => guarded.delete(socket));
  child.on("error", () => guarded.delete(socket));
  child.stdin?.on("error", () => {});
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
}
