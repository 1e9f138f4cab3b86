import { readdirSync, readFileSync, readlinkSync, statSync, unlinkSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";

import { isErrno, processTable } from "./processTable.ts";
import { unlessGone } from "./unlessGone.ts";

/** Where Linux keeps it; elsewhere it has no names that could be looked at. */
const folder = "/dev/shm";

/** Whoever makes some is given so long to take hold of it. */
const settlingMilliseconds = 100;

/**
 * The shared memory that a tree of processes made. A process that is killed cannot remove its own, and Python's helper that would do it
 * is killed with it: without us each run would leave some, until memory is full.
 */
export class SharedMemory {
  readonly #before: ReadonlySet<string>;
  readonly #held = new Set<number>();
  #seen: ReadonlySet<string>;
  #watcher: FSWatcher | undefined;
  #look: NodeJS.Timeout | undefined;

  /** Told what was there before the first of them started, which is not theirs. */
  constructor(before: readonly string[]) {
    this.#before = new Set(before);
    this.#seen = this.#before;
  }

  /** Whenever something new has a name, what the members hold is remembered: one that dies by itself cannot be asked afterwards. */
  follow(members: () => readonly number[]): void {
    this.#watcher = folderWatcher();
    this.#watcher?.on("error", () => this.stopFollowing());
    this.#watcher?.on("change", () => {
      this.#look ??= setTimeout(() => this.#lookAt(members), settlingMilliseconds).unref();
    });
  }

  stopFollowing(): void {
    clearTimeout(this.#look);
    this.#watcher?.close();
  }

  /** What a process holds now: looked at before it is ended, for afterwards nobody can tell. */
  remember(pid: number): void {
    for (const inode of heldBy(pid)) this.#held.add(inode);
  }

  /** Of what was remembered, whatever still has a name and is in nobody's hands. Called when they have ended. */
  discard(): void {
    const left = sharedMemoryNow().flatMap((name) => {
      const inode = this.#before.has(name) ? undefined : ourInode(name);
      return inode !== undefined && this.#held.has(inode) ? [{ name, inode }] : [];
    });
    if (left.length === 0) return;
    const inUse = new Set(processTable().flatMap(({ pid }) => heldBy(pid)));
    for (const { name, inode } of left) if (!inUse.has(inode)) unlink(name);
  }

  #lookAt(members: () => readonly number[]): void {
    this.#look = undefined;
    try {
      const names = sharedMemoryNow();
      const isNew = names.some((name) => !this.#seen.has(name));
      this.#seen = new Set(names);
      if (isNew) for (const pid of members()) this.remember(pid);
    } catch (error) {
      // With too many files open for a moment, only what is there at the next look is known.
      if (!isErrno(error, "EMFILE", "ENFILE")) throw error;
    }
  }
}

/** Undefined where there is no such folder, or the system's watchers are used up: then only what is there at the end is known. */
function folderWatcher(): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false });
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "ENOSPC", "EMFILE")) return undefined;
    throw error;
  }
}

/** The names of all there is. */
export function sharedMemoryNow(): readonly string[] {
  return namesIn(folder);
}

/**
 * Mapped or open, by inode: glibc makes a semaphore under another name than it has later, and proc(5) goes on showing the first. A line
 * of `maps` is addresses, permissions, offset, device, inode and file.
 */
function heldBy(pid: number): readonly number[] {
  const maps = unlessGone(() => readFileSync(`/proc/${pid}/maps`, "latin1")) ?? "";
  const mapped = [...maps.matchAll(/^\S+ \S+ \S+ \S+ (\d+) +\/dev\/shm\//gm)].map(([, inode]) => Number(inode));
  const open = namesIn(`/proc/${pid}/fd`).flatMap((file) => unlessGone(() => inodeBehind(`/proc/${pid}/fd/${file}`)) ?? []);
  return [...mapped, ...open];
}

function inodeBehind(link: string): number | undefined {
  return readlinkSync(link).startsWith(`${folder}/`) ? statSync(link).ino : undefined;
}

/** Undefined where it is gone, somebody else's, or no file. */
function ourInode(name: string): number | undefined {
  const found = unlessGone(() => statSync(join(folder, name)));
  return found?.isFile() === true && found.uid === process.getuid?.() ? found.ino : undefined;
}

function unlink(name: string): void {
  unlessGone(() => {
    unlinkSync(join(folder, name));
  });
}

function namesIn(path: string): readonly string[] {
  return unlessGone(() => readdirSync(path)) ?? [];
}
