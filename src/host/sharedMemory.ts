import { readdirSync, readFileSync, readlinkSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";

import { isErrno, processTable } from "./processTable.ts";

/** Where Linux keeps it; elsewhere it has no names that could be looked at. */
const folder = "/dev/shm";

/**
 * The shared memory that a tree of processes made. A process that is killed cannot remove its own, and Python's helper that would do it
 * is killed with it: without us each run would leave some, until memory is full.
 */
export class SharedMemory {
  readonly #before: ReadonlySet<string>;
  readonly #held = new Set<string>();

  /** Told what was there before the first of them started, which is not theirs. */
  constructor(before: readonly string[]) {
    this.#before = new Set(before);
  }

  /** What a process holds now: looked at before it is ended, for afterwards nobody can tell. */
  remember(pid: number): void {
    for (const name of heldBy(pid)) if (!this.#before.has(name)) this.#held.add(name);
  }

  /** Of what was remembered, whatever is still there and in nobody's hands. Called when they have ended. */
  discard(): void {
    const left = [...this.#held].filter((name) => isOurs(join(folder, name)));
    if (left.length === 0) return;
    const inUse = new Set(processTable().flatMap(({ pid }) => [...heldBy(pid)]));
    for (const name of left) if (!inUse.has(name)) unlink(join(folder, name));
  }
}

/** The names of all there is. */
export function sharedMemoryNow(): readonly string[] {
  return namesIn(folder);
}

/** Mapped or open. By proc(5), a line of `maps` ends with the file that is mapped, and what is in `fd` links to what is open. */
function heldBy(pid: number): ReadonlySet<string> {
  const mapped = (unlessGone(() => readFileSync(`/proc/${pid}/maps`, "latin1")) ?? "").split("\n");
  const open = namesIn(`/proc/${pid}/fd`).map((file) => ` ${unlessGone(() => readlinkSync(`/proc/${pid}/fd/${file}`)) ?? ""}`);
  return new Set([...mapped, ...open].flatMap((line) => / \/dev\/shm\/(.+)$/.exec(line)?.[1] ?? []));
}

function namesIn(path: string): readonly string[] {
  return unlessGone(() => readdirSync(path)) ?? [];
}

function isOurs(path: string): boolean {
  const found = unlessGone(() => statSync(path));
  return found?.isFile() === true && found.uid === process.getuid?.();
}

function unlink(path: string): void {
  unlessGone(() => {
    unlinkSync(path);
  });
}

/** Undefined where it is gone or somebody else's. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR")) return undefined;
    throw error;
  }
}
