import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { now } from "../clients/measured.ts";
import { clientCore, load, startServer } from "../machine.ts";
import { tokenizer } from "./environments.ts";
import type { Command, Peer, Reported } from "./peer.ts";
import { truthOf, type Truth } from "./truth.ts";

/** One load that every tool is put under. */
export interface PeerCell {
  readonly name: string;
  readonly streams: number;
  readonly requests: number;
  readonly tokens: number;
  /** So many of a hundred requests are answered with 500. */
  readonly failPercent: number;
}

/** What a tool said of a run, beside what the server knows of it. */
export interface PeerRun {
  readonly peer: string;
  readonly gapIs: Peer["gapIs"];
  readonly cell: PeerCell;
  /** Load average of the machine just before it. */
  readonly loadBefore: number;
  readonly truth: Truth;
  readonly reported?: Reported;
  /** Why there is nothing reported. */
  readonly failure?: string;
  /** Undefined where it was ended after the longest time a run may take. */
  readonly exitCode?: number | undefined;
  readonly secondsToFirstRequest?: number | undefined;
  readonly cpuSeconds?: number | undefined;
}

const longestRun = 240_000;

// No tool may ask a hub or call home: there is none here.
const offline = {
  HF_HUB_OFFLINE: "1",
  TRANSFORMERS_OFFLINE: "1",
  HF_DATASETS_OFFLINE: "1",
  VLLM_NO_USAGE_STATS: "1",
  DO_NOT_TRACK: "1",
  TOKENIZERS_PARALLELISM: "false",
};

/** Runs a tool on its core against the truth server on the other. */
export async function play(peer: Peer, cell: PeerCell): Promise<PeerRun> {
  using server = await startServer(["--first-us", "100000", "--gap-us", "20000", "--fail-percent", `${cell.failPercent}`]);
  const directory = mkdtempSync(join(tmpdir(), "tandem-peer-"));
  const loadBefore = load();
  const launched = now();
  const ended = await run(peer.command({ ...cell, url: `http://127.0.0.1:${server.port}` }, directory), directory);
  const truth = await truthOf(server.port);
  const said = whatItSaid(peer, directory, ended.complaint);
  rmSync(directory, { recursive: true });
  return {
    peer: peer.name,
    gapIs: peer.gapIs,
    cell,
    loadBefore,
    truth,
    ...said,
    exitCode: ended.code,
    secondsToFirstRequest: truth.firstRequest === undefined ? undefined : (truth.firstRequest - launched) / 1e9,
    cpuSeconds: ended.cpuSeconds,
  };
}

function whatItSaid(peer: Peer, directory: string, complaint: string): { reported: Reported } | { failure: string } {
  try {
    return { reported: peer.read(directory) };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { failure: `${what.replaceAll(directory, "").replaceAll(tokenizer, "")}: ${complaint}` };
  }
}

interface Ended {
  readonly code: number | undefined;
  readonly cpuSeconds: number | undefined;
  readonly complaint: string;
}

// bash counts the CPU of everything that the tool waited for; these have up to fourteen processes.
const timed = 'exec 3>&2; TIMEFORMAT="%U %S"; { time "$@" >&3 2>&3; } 2>"$TIMES"';

async function run({ program, args, environment }: Command, directory: string): Promise<Ended> {
  const times = join(directory, "times");
  const child = spawn("taskset", ["-c", `${clientCore}`, "bash", "-c", timed, "bash", program, ...args], {
    cwd: directory,
    detached: true,
    env: { ...process.env, ...offline, ...environment, TIMES: times },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killed = setTimeout(() => endAll(child), longestRun);
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => printed.push(piece));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  clearTimeout(killed);
  endAll(child);
  return { code: code ?? undefined, cpuSeconds: cpuSecondsOf(times), complaint: lastLine(Buffer.concat(printed).toString()) };
}

/** With whatever it left behind, which would be in the next one's way. */
function endAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}

function cpuSecondsOf(times: string): number | undefined {
  const [user, system] = readFileSync(times, "utf8").trim().split(" ").map(Number);
  return user === undefined || system === undefined ? undefined : user + system;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}
