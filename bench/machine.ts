import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Measured } from "./clients/measured.ts";

/** Everything that is built or installed for the bench; none of it is part of the product. */
export const cache = fileURLToPath(new URL("../.cache/bench", import.meta.url));
const sources = fileURLToPath(new URL("c", import.meta.url));
export const clientPrograms = fileURLToPath(new URL("clients", import.meta.url));

/** Server and client never share a core where there are enough of them: each load thread gets one. */
export const serverCore = 0;
export const clientCore = 1;
const longestRun = 180_000;

export function compile(): void {
  mkdirSync(cache, { recursive: true });
  for (const name of ["server", "client", "timer"]) {
    execFileSync("cc", ["-O2", "-o", join(cache, name), join(sources, `${name}.c`)], { stdio: "inherit" });
  }
}

/** Fetches what the peers' clients need into the cache: a Python environment with aiohttp and httpx, and the openai package. */
export function installPeers(): void {
  mkdirSync(cache, { recursive: true });
  execFileSync("python3", ["-m", "venv", join(cache, "python")], { stdio: "inherit" });
  execFileSync(join(cache, "python/bin/pip"), ["install", "--quiet", "aiohttp", "httpx"], { stdio: "inherit" });
  execFileSync("npm", ["install", "--no-save", "--prefix", cache, "openai"], { stdio: "inherit" });
}

/** "Python 3.11.7": never its path, which is of one machine. */
export function versionOf(python: string): string {
  return execFileSync(python, ["--version"], { encoding: "utf8" }).trim();
}

/** A Python that can import both clients, if there is one. */
export function pythonWithClients(asked: string | undefined): string | undefined {
  return [asked, join(cache, "python/bin/python"), "python3"].find(
    (python) => python !== undefined && succeeds(python, ["-c", "import aiohttp, httpx"]),
  );
}

/** As `./tandem` builds it and starts Node with it; undefined where it cannot be had. */
export function nativeLibrary(): string | undefined {
  const here = fileURLToPath(new URL("..", import.meta.url));
  const ready = 'here=${1%/}; . "$here/scripts/ready.sh"; printf %s "$native"';
  const library = execFileSync("sh", ["-c", ready, "sh", here]).toString();
  return library === "" ? undefined : library;
}

export function hasOpenAi(): boolean {
  return existsSync(join(cache, "node_modules/openai"));
}

export function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export interface Server extends Disposable {
  readonly port: number;
  readonly pid: number;
  /** Share of its tokens that it wrote more than half a gap late: the load was not what was asked for. */
  lateShare(): Promise<number>;
}

/** The truth server, pinned to its core. */
export async function startServer(flags: readonly string[]): Promise<Server> {
  const server = spawn("taskset", ["-c", `${serverCore}`, join(cache, "server"), ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    server.stdout.once("data", (text: Buffer) => resolve(Number(text.toString())));
    server.once("exit", () => reject(new Error("the truth server ended before it told its port")));
  });
  const lateShare = async () => Number(await (await fetch(`http://127.0.0.1:${port}/late`)).text());
  return { port, pid: server.pid ?? 0, lateShare, [Symbol.dispose]: () => void server.kill() };
}

/** One for each load thread; where there are too few beside the server's, that one too. */
export function clientCores(workers: number): readonly number[] {
  const last = Math.min(workers, cpus().length - 1);
  const own = Array.from({ length: last }, (_, index) => clientCore + index);
  return own.length < workers ? [serverCore, ...own] : own;
}

/** What a client program says of itself: its one line of JSON, or why there is none. */
export async function runClient(program: string, args: readonly string[], cores: readonly number[]): Promise<Measured | string> {
  const env = { ...process.env, TANDEM_BENCH_CACHE: cache };
  const client = spawn("taskset", ["-c", cores.join(","), program, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  const killed = setTimeout(() => client.kill("SIGKILL"), longestRun);
  const [printed, complaints, code] = await Promise.all([
    textOf(client.stdout),
    textOf(client.stderr),
    new Promise<number | null>((resolve) => client.once("close", resolve)),
  ]);
  clearTimeout(killed);
  if (code === 0) return JSON.parse(printed) as Measured; // printed by our own programs
  return complaints.trim().split("\n").at(-1) ?? `ended with ${code}`;
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

/** Processes that were ready to run over the last minute; more than the cores means that figures are of a machine with other work. */
export function load(): number {
  return loadavg()[0] ?? 0;
}

/** Share of both cores' time since boot that went to anything, and what was taken away by the host: to be compared across a cell. */
export function busyTicks(): { readonly busy: number; readonly stolen: number } {
  const ticks = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks;
  return { busy: user + nice + system + irq + softirq, stolen: steal };
}

export function describeMachine(): Readonly<Record<string, string>> {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: `${cpus().length}`,
    kernel: release(),
    node: process.version,
    compiler: execFileSync("cc", ["--version"]).toString().split("\n", 1)[0] ?? "cc",
  };
}
