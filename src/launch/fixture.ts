import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { hasEnded, processEntry } from "../host/processTable.ts";
import { realClock } from "../host/realClock.ts";
import type { Command, Engine, Slot } from "../model/engine.ts";
import type { LaunchOrder } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";

/** Small programs that stand in for engines: each is told its port as its argument and works in its slot's directory. */
export const programs = {
  /** Answers as an OpenAI-compatible server does, from the first moment. */
  answers: `
    import { createServer } from "node:http";
    import { writeFileSync } from "node:fs";
    writeFileSync("environment.json", JSON.stringify(process.env));
    console.log("\\x1b[32mINFO\\x1b[0m serving, key", process.env.SERVER_API_KEY ?? "none");
    const replies = {
      "/health": {},
      "/version": { version: "1.2.3" },
      "/v1/models": { data: [{ id: "tiny", max_model_len: 4096 }] },
      "/v1/completions": { choices: [{ text: "a" }] },
      "/v1/chat/completions": { choices: [{ message: { content: "a" } }] },
    };
    createServer((request, response) => {
      const reply = replies[request.url];
      response.writeHead(reply === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(reply ?? { error: "no such path" }));
    }).listen(Number(process.argv[2]), "127.0.0.1");`,
  /** As vLLM when its core has been killed: from POST /kill on it is unwell, and ends half a second later. */
  dies: `
    import { createServer } from "node:http";
    let isWell = true;
    const replies = { "/health": {}, "/v1/models": { data: [{ id: "tiny" }] }, "/v1/completions": { choices: [{ text: "a" }] } };
    createServer((request, response) => {
      if (request.url === "/kill") {
        isWell = false;
        setTimeout(() => process.exit(0), 500);
      }
      response.writeHead(isWell ? 200 : 503, { "content-type": "application/json" }).end(JSON.stringify(replies[request.url] ?? {}));
    }).listen(Number(process.argv[2]), "127.0.0.1");`,
  /** Healthy for ever, without a model. */
  neverReady: `
    import { createServer } from "node:http";
    console.log("loading weights");
    createServer((request, response) => response.writeHead(request.url === "/health" ? 200 : 503).end("loading")).listen(Number(process.argv[2]), "127.0.0.1");`,
  /** Writes down when it ends, and ends; its worker goes on, deaf to SIGTERM. */
  crashes: `
    import { spawn } from "node:child_process";
    import { existsSync, readFileSync, writeFileSync } from "node:fs";
    const stubborn = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); fs.writeFileSync('worker', String(process.pid));";
    spawn(process.execPath, ["-e", stubborn], { stdio: "ignore" });
    console.log("loading weights");
    console.error("Loading shards:  10%\\rLoading shards: 100%");
    console.error("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB, token hf_abcdefgh");
    setInterval(() => {
      if (!existsSync("worker") || readFileSync("worker", "utf8") === "") return;
      writeFileSync("ended-at", String(Date.now()));
      process.exit(1);
    }, 20);`,
  /** Two workers that are hard to find and to end: one in a session of its own, one without our environment. Neither heeds SIGTERM. */
  leavesWorkers: `
    import { spawn } from "node:child_process";
    import { writeFileSync } from "node:fs";
    const stubborn = "/* " + import.meta.dirname + " */ process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); fs.appendFileSync('deaf', '.');";
    const ownSession = spawn(process.execPath, ["-e", stubborn], { detached: true, stdio: "ignore" });
    const ownEnvironment = spawn(process.execPath, ["-e", stubborn], { env: {}, stdio: "ignore" });
    writeFileSync("workers", ownSession.pid + " " + ownEnvironment.pid);
    await import("./answers.mjs");`,
  /** Tidies up when asked to end, which takes a moment. */
  tidies: `
    import { writeFileSync } from "node:fs";
    process.on("SIGTERM", () => setTimeout(() => { writeFileSync("tidied", "yes"); process.exit(0); }, 100));
    writeFileSync("up", "yes");
    setInterval(() => {}, 1000);`,
  /** Holds the files it is told, and says when it does. Makes those that are not there as glibc does semaphores: first under another name. */
  holds: `
    import { existsSync, linkSync, openSync, unlinkSync, writeFileSync } from "node:fs";
    for (const path of process.env.HELD.split(" ")) {
      if (existsSync(path)) openSync(path, "a+");
      else {
        openSync(path + "-first", "a+");
        linkSync(path + "-first", path);
        unlinkSync(path + "-first");
      }
    }
    writeFileSync("held-" + process.pid, "");
    setInterval(() => {}, 1000);`,
  /** Leaves a worker that has written over its own environment, as Python's setproctitle does for a title. */
  titled: `
    import { spawn } from "node:child_process";
    import { openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
    if (process.argv[3] === "worker") {
      const stat = readFileSync("/proc/self/stat", "latin1").split(") ")[1].split(" ");
      const [from, to] = [Number(stat[47]), Number(stat[48])];
      writeSync(openSync("/proc/self/mem", "r+"), Buffer.alloc(to - from), 0, to - from, from);
      writeFileSync("worker", String(process.pid));
      setInterval(() => {}, 1000);
    } else {
      spawn(process.execPath, [process.argv[1], "-", "worker"], { stdio: "inherit" });
      setInterval(() => {}, 1000);
    }`,
} as const;

export interface Bench extends Disposable {
  readonly directory: string;
  readonly told: RunEvent[];
  file(name: string): string;
  written(name: string): string;
  engine(program: keyof typeof programs, change?: Partial<{ command: Partial<Command>; engine: Partial<Engine>; within: number }>): Engine;
  order(engine: Engine, slot: Partial<Slot>, change?: Partial<LaunchOrder>): LaunchOrder;
}

/** A directory with the programs in it, and orders to launch them there. */
export function bench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), "tandem-launch-"));
  const told: RunEvent[] = [];
  const file = (name: string) => join(directory, name);
  for (const [name, source] of Object.entries(programs)) writeFileSync(file(`${name}.mjs`), source);
  return {
    directory,
    told,
    file,
    written: (name) => readFileSync(file(name), "utf8"),
    engine: (program, { command = {}, engine = {}, within = 20 } = {}) => ({
      kind: "stand-in",
      model: "tiny",
      simulated: false,
      gpus: 0,
      gpuShare: 0,
      wire: { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
      features: [],
      configFiles: [],
      launch: {
        kind: "process",
        command: ({ port }) => ({ program: "node", args: [file(`${program}.mjs`), String(port)], env: {}, ...command }),
        ready: { path: "/health", within },
        missing: "install it",
      },
      ...engine,
    }),
    order: (engine, slot, change = {}) => ({
      name: "plain",
      engine,
      slot: { port: 0, gpus: [], directory: file("scratch"), ...slot },
      world: { configFiles: {} },
      logDirectory: file("logs"),
      clock: realClock(),
      tell: (event) => told.push(event),
      signal: new AbortController().signal,
      ...change,
    }),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A process that has ended but was not yet read by its parent counts as ended. */
export function isAlive(pid: number): boolean {
  const entry = processEntry(pid);
  return entry !== undefined && !hasEnded(entry);
}

export async function until(isSo: () => boolean | Promise<boolean>, within = 5): Promise<void> {
  const giveUp = performance.now() + within * 1000;
  while (!(await isSo())) {
    if (performance.now() > giveUp) throw new Error(`not so within ${within} s`);
    await pause(10);
  }
}

/** So many seconds are enough for one of these programs to be up: a second, or ten times what Node takes for nothing, on a busy machine. */
export function ampleSeconds(): number {
  const from = performance.now();
  spawnSync(process.execPath, ["-e", ""]);
  return Math.ceil(Math.max(1, (10 * (performance.now() - from)) / 1_000));
}

/** By how many milliseconds the end of a program of Node is seen late now: nobody can tell it sooner. */
export async function lateEnd(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "process.stdout.write(String(Date.now())); process.exit()"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const late = once(child, "exit").then(() => Date.now());
  const [endedAt] = await once(child.stdout, "data");
  return (await late) - Number(endedAt);
}
