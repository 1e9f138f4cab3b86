import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { commandLine, hasEnded, processEntry, processTable, type ProcessEntry, type Root } from "../../../src/host/processTable.ts";
import { Holdings, namesIn, unlessGone, type Left } from "./holdings.ts";

export const tandem = fileURLToPath(new URL("../../../tandem", import.meta.url));

/** Engines boot side by side on two cores, maybe beside other work, or pin 90 GiB of memory first. */
const patienceSeconds = 300;

/** What is run. */
export interface Order {
  /** What comes before `run`. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Beside this one. */
  readonly file: string;
  readonly test: string;
  readonly args: readonly string[];
}

/** Of a whole run: what its processes leave in memory and in folders is nobody's afterwards. */
export interface RunLeft extends Left {
  readonly sharedMemory: readonly string[];
  readonly temporary: readonly string[];
  readonly scratchBytes: number;
}

/** One `./tandem run` as a user would start it, seen from outside; times in milliseconds on our own clock. */
export class RunningTandem implements AsyncDisposable {
  readonly output: string;
  readonly test: string;
  readonly holdings: Holdings;
  readonly ended: Promise<{ readonly code: number | undefined; readonly at: number }>;
  readonly startedAt = performance.now();
  readonly #child: ChildProcess;
  readonly #watch: NodeJS.Timeout;
  readonly #said: { readonly at: number; readonly text: string }[] = [];
  readonly #sharedBefore = new Set(namesIn("/dev/shm"));
  /** Of its own, and short: engines put sockets there. */
  readonly #temporary = mkdtempSync(join(tmpdir(), "k-"));

  constructor({ command, file, test, args }: Order, output: string) {
    this.output = output;
    this.test = test;
    const testFile = fileURLToPath(new URL(file, import.meta.url));
    const mark = randomUUID();
    const [program, ...before] = command;
    this.#child = spawn(program, [...before, "run", testFile, "-f", test, "-o", output, "--no-calibration", ...args], {
      env: { ...process.env, NO_COLOR: "1", TANDEM_KILLS: mark, TMPDIR: this.#temporary },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#said.push({ at: performance.now(), text }));
    this.ended = new Promise((onEnd) => {
      this.#child.once("exit", (code) => onEnd({ code: code ?? undefined, at: performance.now() }));
    });
    this.holdings = new Holdings(this.root, `TANDEM_KILLS=${mark}`);
    this.#watch = setInterval(() => this.holdings.look(), 500);
  }

  get root(): ProcessEntry {
    const entry = this.#child.pid === undefined ? undefined : processEntry(this.#child.pid);
    if (entry === undefined) throw new Error(`tandem could not be started, or has ended\n${this.stderr}`);
    return entry;
  }

  /** All it has said until now. */
  get stderr(): string {
    return this.#said.map(({ text }) => text).join("");
  }

  /** When it had said so; undefined while it has not. */
  saidAt(sign: RegExp): number | undefined {
    let all = "";
    return this.#said.find(({ text }) => sign.test((all += text)))?.at;
  }

  async untilSaid(sign: RegExp): Promise<void> {
    await this.until(String(sign), () => this.saidAt(sign));
  }

  async untilLogged(directory: string, sign: RegExp): Promise<void> {
    await this.until(String(sign), () => {
      const log = unlessGone(() => readFileSync(join(this.testDirectory, directory, "stdout.log"), "utf8"));
      return log !== undefined && sign.test(log) ? log : undefined;
    });
  }

  /** The root of the tree that works in a directory of the test: "engines/cached". */
  async rootIn(directory: string): Promise<ProcessEntry> {
    return this.until(directory, () => {
      const place = join(this.testDirectory, directory);
      return processTable().find(({ pid, session }) => pid === session && workingDirectory(pid).startsWith(place));
    });
  }

  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const giveUp = performance.now() + patienceSeconds * 1_000;
    let isOver = false;
    void this.ended.then(() => (isOver = true));
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (isOver || performance.now() > giveUp) throw new Error(`not seen: ${what}\n${this.stderr}`);
      await pause(20);
    }
  }

  get testDirectory(): string {
    const [run = ""] = namesIn(join(this.output, "runs"));
    return join(this.output, "runs", run, this.test);
  }

  left(): RunLeft {
    return {
      // By now its watchdog has to be gone as well.
      ...this.holdings.left({ besides: /^$/ }),
      sharedMemory: namesIn("/dev/shm").filter((name) => !this.#sharedBefore.has(name)),
      temporary: namesIn(this.#temporary),
      scratchBytes: ["engines", "services"].reduce((sum, kind) => sum + bytesOfScratch(join(this.testDirectory, kind)), 0),
    };
  }

  /** Whatever went wrong, it does not stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    this.#child.kill("SIGKILL");
    await this.ended;
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** What a child of an engine's process says that does a part of its work: before it has a name of its own, and with it. Others help at boot, such as vLLM's that looks at the model. */
const partSigns = /spawn_main|^VLLM::/;

export function partOf(parent: number): ProcessEntry | undefined {
  return processTable().find((entry) => entry.parent === parent && partSigns.test(commandLine(entry.pid) ?? ""));
}

/** The mark that the harness gave to a tree, as "NAME=value". */
export function markOf(pid: number): string {
  const environment = unlessGone(() => readFileSync(`/proc/${pid}/environ`, "latin1")) ?? "";
  return environment.split("\0").find((variable) => variable.startsWith("TANDEM_ENGINE=")) ?? "no such mark";
}

/** When it ended, with the last of its threads. */
export async function endOf({ pid, startedAt }: Root): Promise<number> {
  for (;;) {
    const entry = processEntry(pid);
    if (entry?.startedAt !== startedAt) return performance.now();
    if (hasEnded(entry)) return performance.now();
    await pause(5);
  }
}

export async function reportOn(output: string): Promise<{ readonly code: number | null; readonly stdout: string }> {
  const child = spawn(tandem, ["report", output], { env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  await new Promise((onClose) => child.once("close", onClose));
  return { code: child.exitCode, stdout };
}

function workingDirectory(pid: number): string {
  return unlessGone(() => readlinkSync(`/proc/${pid}/cwd`)) ?? "";
}

function bytesOfScratch(place: string): number {
  const files = unlessGone(() => readdirSync(place, { recursive: true, encoding: "utf8" })) ?? [];
  return files
    .filter((file) => file.includes("/scratch/"))
    .reduce((sum, file) => sum + (unlessGone(() => statSync(join(place, file)).size) ?? 0), 0);
}
