import { accessSync, constants, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, freemem, tmpdir, totalmem } from "node:os";

import { kernelStamps } from "../host/native.ts";
import { triedStamps } from "../host/triedStamps.ts";
import { unlessGone } from "../host/unlessGone.ts";
import { grouped } from "../model/grouped.ts";
import type { Place } from "../model/running.ts";

/** One thing a machine has or lacks. */
export interface Finding {
  readonly what: string;
  /** `missing` is no fault by itself: most of it is only for some engines. */
  readonly state: "ok" | "warning" | "missing";
  readonly found: string;
  /** What to do about it. */
  readonly fix?: string;
  /** Nothing runs without it. */
  readonly needed?: true;
}

/** What the machine itself has. `directory`: where results would go. */
export function checkMachine(place: Place, directory: string): readonly Promise<readonly Finding[]>[] {
  return [node(), cores(), memory(), disk(directory), sharedMemory(), openFiles(), clock(), receivedStamps(), ports(place)];
}

const gib = 2 ** 30;

async function node(): Promise<readonly Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const runsTypes = major > 22 || (major === 22 && minor >= 18);
  const found = process.version;
  if (runsTypes) return [{ what: "Node", state: "ok", found, needed: true }];
  return [
    { what: "Node", state: "missing", found, needed: true, fix: "install Node 24: test files are TypeScript, and are run as they are" },
  ];
}

async function cores(): Promise<readonly Finding[]> {
  const count = availableParallelism();
  const found = `${count} for this process`;
  if (count >= 4) return [{ what: "CPU cores", state: "ok", found }];
  return [
    {
      what: "CPU cores",
      state: "warning",
      found,
      fix: "engines on the same cores disturb the harness: believe its own error, which every run measures",
    },
  ];
}

async function memory(): Promise<readonly Finding[]> {
  const available = (Number(/^MemAvailable:\s+(\d+)/m.exec(text("/proc/meminfo") ?? "")?.[1]) * 1024 || freemem()) / gib;
  const found = `${available.toFixed(1)} of ${(totalmem() / gib).toFixed(1)} GiB available`;
  if (available >= 8) return [{ what: "memory", state: "ok", found }];
  return [
    {
      what: "memory",
      state: "warning",
      found,
      fix: "a CPU engine of the smallest kind takes 3 GiB, a cache server as much as it is given: end what else runs",
    },
  ];
}

async function disk(directory: string): Promise<readonly Finding[]> {
  const free = await freeIn(directory);
  if (free === undefined)
    return [{ what: "disk", state: "missing", found: `${directory} is not there`, needed: true, fix: "name a directory with -o DIR" }];
  const found = `${(free / gib).toFixed(1)} GiB free for results`;
  if (!isWritable(directory)) {
    return [
      {
        what: "disk",
        state: "missing",
        found: "this directory cannot be written",
        needed: true,
        fix: "go to another one, or name one with -o DIR",
      },
    ];
  }
  if (free < gib)
    return [{ what: "disk", state: "missing", found, needed: true, fix: "free some space, or name another disk with -o DIR" }];
  if (free < 20 * gib) return [{ what: "disk", state: "warning", found, fix: "models are 15 GiB and more: keep them elsewhere (HF_HOME)" }];
  return [{ what: "disk", state: "ok", found }];
}

async function sharedMemory(): Promise<readonly Finding[]> {
  const size = await freeIn("/dev/shm");
  if (size === undefined) return [];
  const found = `${grouped(Math.round(size / 2 ** 20))} MiB free in /dev/shm`;
  if (size >= 512 * 2 ** 20) return [{ what: "shared memory", state: "ok", found }];
  return [
    {
      what: "shared memory",
      state: "warning",
      found,
      fix: "processes of one engine speak through it: mount it larger, in a container with --shm-size 16g",
    },
  ];
}

async function openFiles(): Promise<readonly Finding[]> {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text("/proc/self/limits") ?? "")?.[1];
  if (soft === undefined) return [];
  if (soft === "unlimited" || Number(soft) >= 8_192) return [{ what: "open files", state: "ok", found: `${soft} (ulimit -n)` }];
  return [
    {
      what: "open files",
      state: "warning",
      found: `${soft} (ulimit -n)`,
      fix: "a stream takes one here and one in the engine: ulimit -n 65536",
    },
  ];
}

async function clock(): Promise<readonly Finding[]> {
  const source = text("/sys/devices/system/clocksource/clocksource0/current_clocksource")?.trim();
  const steps = Array.from({ length: 1_000 }, () => -Number(process.hrtime.bigint() - process.hrtime.bigint()));
  const step = [...steps].sort((a, b) => a - b)[500] ?? 0;
  const found = `${source ?? "monotonic"}, read in ${step} ns`;
  if (step < 5_000) return [{ what: "clock", state: "ok", found }];
  return [{ what: "clock", state: "warning", found, fix: "this clock is slow to read (no TSC?): stamps are late by as much" }];
}

/** Those that engines listen on by themselves, and one more; a run without -p takes free ones. */
const usual = [8_000, 8_001, 8_080, 30_000];

async function ports(place: Place): Promise<readonly Finding[]> {
  await place.freePort();
  const taken = await Promise.all(usual.map(async (port) => ({ port, who: await place.listeners(port) })));
  const used = taken.filter(({ who }) => who.length > 0);
  if (used.length === 0) return [{ what: "ports", state: "ok", found: `${usual.join(", ")} are free` }];
  const names = used.map(
    ({ port, who }) => `${port} is taken by ${who.map(({ pid, command }) => `${pid ?? "a process"} (${command})`).join(" and ")}`,
  );
  return [{ what: "ports", state: "warning", found: names.join("; "), fix: "leave -p out, and free ones are taken" }];
}

/** Who would stamp what is received. */
async function receivedStamps(): Promise<readonly Finding[]> {
  const what = "receive stamps";
  if ((await triedStamps()) === "kernel") return [{ what, state: "ok", found: "by the kernel" }];
  return [{ what, state: "missing", found: "when they are read", fix: untilTheKernelStamps() }];
}

function untilTheKernelStamps(): string {
  if (kernelStamps() !== undefined)
    return "this kernel, or the sandbox it runs in, gives no receive stamps (SO_TIMESTAMPNS on TCP): believe the harness's own error, which every run measures";
  if (process.platform === "linux")
    return "install a C compiler (on Debian: apt install gcc libc6-dev), and start by ./tandem, in a folder whose path has no space or colon: the kernel then stamps them, also on a busy machine";
  return "on Linux the kernel can stamp them, also on a busy machine; here believe the harness's own error";
}

async function freeIn(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory === "" ? tmpdir() : directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function text(path: string): string | undefined {
  return unlessGone(() => readFileSync(path, "utf8"));
}
