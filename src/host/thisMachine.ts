import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { accessSync, closeSync, constants, mkdirSync, openSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { getSystemErrorName } from "node:util";

import { HarnessError } from "../model/harnessError.ts";
import type { Place, StartedProcess } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import { orphanAdopter } from "./adopter.ts";
import { gpuMemoryHolders, gpuMemoryUsed } from "./gpuMemory.ts";
import { isHeldBy, listenersOn } from "./listeningSockets.ts";
import { oomKills } from "./oomKills.ts";
import { LivingTree, notKilled, processEntry, signalProcess, type ProcessEntry, type Root } from "./processTable.ts";
import { SharedMemory, sharedMemoryNow } from "./sharedMemory.ts";
import { removeTemporaryDirectory, temporaryDirectory } from "./temporaryDirectory.ts";
import { unlessGone } from "./unlessGone.ts";
import { unusedPort } from "./unusedPort.ts";
import { visibleGpus } from "./visibleGpus.ts";
import { watchdogOver, type Watchdog } from "./watchdog.ts";

type Start = Parameters<Place["start"]>;

/** The machine we run on. Nothing started here outlives us. */
export function thisMachine({ environment = process.env }: { environment?: NodeJS.ProcessEnv } = {}): Place {
  const run = randomUUID();
  const trees = new WeakMap<StartedProcess, ProcessTree>();
  const portsGiven = new Set<number>();
  const temporary = new Set<string>();
  const watchdog = watchdogOver(`TANDEM_RUN=${run}`, environment);
  return {
    name: "this machine",
    has: async (program, env) => programFile(program, env["PATH"]) !== undefined,
    start: async (command, logs) => {
      watchdog.begin();
      const tree = await startTree(command, logs, run, watchdog);
      trees.set(tree, tree);
      return tree;
    },
    temporaryDirectory: () => {
      const path = temporaryDirectory(environment);
      if (path === undefined) return undefined;
      temporary.add(path);
      watchdog.temporary([...temporary]);
      return {
        path,
        [Symbol.dispose]: () => {
          removeTemporaryDirectory(path);
          temporary.delete(path);
          watchdog.temporary([...temporary]);
        },
      };
    },
    freePort: async () => {
      let port = await unusedPort();
      while (portsGiven.has(port)) port = await unusedPort();
      portsGiven.add(port);
      return port;
    },
    listeners: async (port) => listenersOn(port),
    owns: async (started, port) => {
      const tree = trees.get(started);
      return tree !== undefined && isHeldBy(tree.pids(), port);
    },
    gpuMemory: {
      used: async (gpus) => gpuMemoryUsed(gpus, environment),
      holders: async (gpus) => gpuMemoryHolders(gpus, environment),
    },
    afterUs: watchdog,
    oomKills: () => oomKills(),
    gpus: async () => visibleGpus(environment),
  };
}

/** How long SIGKILL may take before a process counts as one that cannot be killed. */
const patience: Seconds = 10;

interface TreeOptions extends Pick<StartedProcess, "ended"> {
  readonly mark: string;
  readonly sharedMemory: SharedMemory;
  readonly directory: string;
}

/** A program and everybody it brought into the world. */
class ProcessTree implements StartedProcess {
  readonly pid: number;
  readonly ended: StartedProcess["ended"];
  readonly #tree: LivingTree;
  readonly #directory: string;
  readonly #asked: Set<string>;
  readonly #sharedMemory: SharedMemory;
  #killFrom: number;
  #ending: Promise<void> | undefined;

  constructor(root: Root, { mark, ended, sharedMemory, directory }: TreeOptions) {
    this.pid = root.pid;
    this.ended = ended;
    this.#directory = directory;
    this.#tree = new LivingTree([root], mark);
    this.#asked = new Set();
    this.#sharedMemory = sharedMemory;
    this.#killFrom = Infinity;
    this.#ending = undefined;
    sharedMemory.follow(() => this.pids());
  }

  pids(): readonly number[] {
    return this.#tree.members().map(({ pid }) => pid);
  }

  takesIn(pid: number): boolean {
    const entry = processEntry(pid);
    if (entry === undefined || pid === process.pid || workingDirectory(pid) !== this.#directory) return false;
    this.#tree.takeIn(entry);
    return true;
  }

  /** Called again, it only gets less patient. */
  async end(grace: Seconds): Promise<void> {
    this.#killFrom = Math.min(this.#killFrom, performance.now() + grace * 1000);
    this.#ending ??= this.#endEverybody();
    return this.#ending;
  }

  async #endEverybody(): Promise<void> {
    for (let left = this.#tree.members(); left.length > 0; left = this.#tree.members()) {
      const killing = performance.now() - this.#killFrom;
      if (killing > patience * 1000) throw unkillable(left);
      for (const entry of left) this.#signal(entry, killing >= 0 ? "SIGKILL" : "SIGTERM");
      await pause(25);
    }
    this.#sharedMemory.stopFollowing();
    this.#sharedMemory.discard();
  }

  /** SIGTERM once each: a second one cuts short the clean-up that the first one began. */
  #signal(entry: ProcessEntry, signal: "SIGTERM" | "SIGKILL"): void {
    const name = `${entry.pid} ${entry.startedAt}`;
    if (signal === "SIGTERM" && this.#asked.has(name)) return;
    this.#asked.add(name);
    this.#sharedMemory.remember(entry.pid);
    signalProcess(entry, signal);
  }
}

function unkillable(left: readonly ProcessEntry[]): HarnessError {
  return new HarnessError("engine-exited", notKilled(left), {
    hint: "state D is a process that waits inside a driver; it may hold GPU memory until the driver or the machine is restarted",
  });
}

async function startTree(command: Start[0], logs: Start[1], run: string, watchdog: Watchdog): Promise<ProcessTree> {
  const engine = randomUUID();
  const sharedMemory = new SharedMemory(sharedMemoryNow());
  const child = spawnLogged(command, logs, {
    ...command.env,
    TANDEM_RUN: run,
    TANDEM_ENGINE: engine,
    // Python's setproctitle otherwise writes its title over the environment that /proc shows, our marks included; vLLM's workers use it.
    SPT_NOENV: "1",
  });
  const ended = endOf(child);
  const running = untilRunning(child);
  // Read before we next let go of the event loop, so that it is there even if it has ended already.
  const root = child.pid === undefined ? undefined : processEntry(child.pid);
  if (root !== undefined) watchdog.watch(root);
  await running;
  if (root === undefined) throw new Error(`process ${child.pid} was gone before it could be looked at`);
  return new ProcessTree(root, { mark: `TANDEM_ENGINE=${engine}`, ended, sharedMemory, directory: realpathSync(command.directory) });
}

/** Undefined where it is not told: of another user's process, and where there is no /proc. */
function workingDirectory(pid: number): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/cwd`));
}

/** Its output goes straight into the files, so that none is lost and none passes through us. */
function spawnLogged({ program, args, directory }: Start[0], logs: Start[1], env: Readonly<Record<string, string>>): ChildProcess {
  if (!statSync(directory).isDirectory()) throw new Error(`${directory} is not a directory`);
  const stdout = openLog(logs.stdout);
  const stderr = openLog(logs.stderr);
  try {
    const file = programFile(program, env["PATH"]);
    const adopter = file === undefined ? undefined : orphanAdopter();
    const options = { cwd: directory, env, detached: true };
    if (file === undefined || adopter === undefined)
      return spawn(file ?? program, [...args], { ...options, stdio: ["ignore", stdout, stderr] });
    return spawn(adopter, [file, ...args], { ...options, stdio: ["ignore", stdout, stderr, "pipe"] });
  } finally {
    closeSync(stdout);
    closeSync(stderr);
  }
}

/** Appended to: the log of an earlier start stays. */
function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, "a");
}

/** Rejects, as spawn does, where the program cannot be started: through adopter.c that is told by a pipe. */
async function untilRunning(child: ChildProcess): Promise<void> {
  await new Promise((onSpawned, onFailed) => {
    child.once("spawn", onSpawned);
    child.once("error", onFailed);
  });
  // Looked at only now: with too many files open a child that failed has no pipes at all.
  const pipe = child.stdio[3];
  if (!(pipe instanceof Readable)) return;
  let errno = "";
  for await (const piece of pipe) errno += String(piece);
  if (errno === "") return;
  const code = getSystemErrorName(-Number(errno));
  throw Object.assign(new Error(`${code}: ${child.spawnargs[1]} cannot be started`), { code });
}

function endOf(child: ChildProcess): StartedProcess["ended"] {
  return new Promise((onEnd) => {
    child.once("exit", (code, signal) => onEnd({ code: code ?? undefined, signal: signal ?? undefined }));
  });
}

/** Where a program is: "node" is the one we run on, a path counts from our own directory, other names are looked up in the given PATH. */
export function programFile(program: string, path: string | undefined): string | undefined {
  if (program === "node") return process.execPath;
  const places = program.includes("/") ? [resolve(program)] : (path ?? "").split(delimiter).filter(isAbsolute);
  const files = program.includes("/") ? places : places.map((place) => join(place, program));
  return files.find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
