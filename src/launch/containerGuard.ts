import { spawn, type ChildProcess } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import type { Aftermath } from "../model/running.ts";
import { harnessMark } from "./containerMarks.ts";

// This file's own ending: .ts as it is run here, .js once packed.
const program = fileURLToPath(new URL("./containerGuardProcess.ts", import.meta.url)).replace(/\.ts$/, extname(import.meta.url));

const guards = new Map<string, ChildProcess>();

/**
 * From now on, our containers at this daemon are removed when this process is gone, SIGKILL included, and that is told where `aftermath` says.
 * As the watchdog does for processes.
 */
export function guardContainers(socket: string, aftermath: Aftermath | undefined): void {
  const guard = guards.get(socket) ?? startGuard(socket);
  if (aftermath !== undefined) guard.stdin?.write(`${JSON.stringify(aftermath)}\n`);
}

function startGuard(socket: string): ChildProcess {
  const child = spawn(process.execPath, [program, socket, harnessMark()], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
    cwd: "/",
  });
  guards.set(socket, child);
  // Killed by somebody: the next container gets a new one.
  child.on("exit", () => guards.delete(socket));
  child.on("error", () => guards.delete(socket));
  child.stdin?.on("error", () => {});
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return child;
}
