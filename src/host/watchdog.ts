import { spawn, type ChildProcess } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import type { AfterUs, Aftermath, GpuBefore } from "../model/running.ts";
import type { Root } from "./processTable.ts";
import { sharedMemoryNow } from "./sharedMemory.ts";

/** Ends everything that carries a mark, or descends from a root it was told of, when this process is gone: however it went. */
export interface Watchdog extends AfterUs {
  /** Before the first of them starts. */
  begin(): void;
  watch(root: Root): void;
  /** Directories to remove once everybody has ended: those that are there now. */
  temporary(directories: readonly string[]): void;
}

/** What it is told by its pipe, a line each. Of the last three the latest counts. */
export type Told =
  | Root
  | { readonly temporary: readonly string[] }
  | { readonly aftermath: Aftermath | null }
  | { readonly gpus: readonly GpuBefore[]; readonly env: Readonly<Record<string, string>> };

/**
 * A second process, in a session of its own so that a terminal's signals pass it by. It holds the other end of a pipe: when we end,
 * SIGKILL included, the pipe does too. It sleeps until then, and leaves when nobody is left. `own` is our environment: it has none.
 */
export function watchdogOver(mark: string, own: NodeJS.ProcessEnv): Watchdog {
  const roots: Root[] = [];
  const env = forNvidiaSmi(own);
  let [aftermath, gpus]: [Aftermath | undefined, readonly GpuBefore[]] = [undefined, []];
  let temporary: readonly string[] = [];
  let before: readonly string[] | undefined;
  let guard: ChildProcess | undefined;
  const begin = (): void => {
    if (guard !== undefined && !hasEnded(guard)) return;
    before ??= sharedMemoryNow();
    guard = keepWatch(mark, before);
    // While we live it is never the first to go, unless somebody killed it. One that cannot stay is not started again and again.
    const startedAt = performance.now();
    guard.once("exit", () => {
      if (performance.now() - startedAt > 1_000) begin();
    });
    // Somebody may have killed the one before: its successor has to hear of everything again.
    for (const known of [...roots, { temporary }, { aftermath: aftermath ?? null }, { gpus, env }]) tell(guard, known);
  };
  const say = (told: Told): void => {
    if (guard === undefined || hasEnded(guard)) begin();
    else tell(guard, told);
  };
  return {
    begin,
    watch: ({ pid, startedAt }) => {
      roots.push({ pid, startedAt });
      say({ pid, startedAt });
    },
    temporary: (directories) => {
      temporary = directories;
      say({ temporary });
    },
    get aftermath() {
      return aftermath;
    },
    tellIn: (where) => {
      aftermath = where;
      if (guard !== undefined) say({ aftermath: where ?? null });
    },
    gpuMemory: (looked) => {
      gpus = looked;
      if (guard !== undefined || looked.length > 0) say({ gpus, env });
    },
  };
}

function forNvidiaSmi({ PATH: path, LD_LIBRARY_PATH: libraries }: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return { ...(path === undefined ? {} : { PATH: path }), ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) };
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
  if (child.pid === undefined) return child; // with too many files open it has no pipes either
  child.stdin?.on("error", () => {});
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return child;
}

function tell(child: ChildProcess, told: Told): void {
  child.stdin?.write(`${JSON.stringify(told)}\n`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
