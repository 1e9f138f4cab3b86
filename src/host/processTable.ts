import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** One process as the system tells of it now. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** One letter, as `ps` shows it: Z has ended and waits to be read, D cannot be interrupted. */
  readonly state: string;
  /** Of one in state Z: those of its threads that have not ended yet, and itself. */
  readonly threads: number;
  /** In the system's own unit: with the pid it names a process for ever, since pids are used again. */
  readonly startedAt: string;
  readonly name: string;
}

/** A program we started: the root of a tree. */
export type Root = Pick<ProcessEntry, "pid" | "startedAt">;

/** Everybody there is. */
export function processTable(): readonly ProcessEntry[] {
  return process.platform === "linux" ? fromProc() : fromPs();
}

/**
 * Everybody alive who belongs to these roots: one of them, in a root's session or group, with a mark in the environment they were started with,
 * or a descendant of one of those. Any one of the three can be lost: setsid leaves the session, the death of a parent cuts the line
 * of descent, and a program that writes its own title may overwrite the environment that others can read.
 */
function treeOf(roots: readonly Root[], mark: string, table = processTable()): readonly ProcessEntry[] {
  const sessions = ownSessions(roots, table);
  const members = new Set<number>();
  for (const entry of table) {
    if ([entry.pid, entry.group, entry.session].some((id) => sessions.has(id)) || hasMark(entry.pid, mark)) members.add(entry.pid);
  }
  addDescendants(members, table);
  members.delete(process.pid);
  return table.filter((entry) => members.has(entry.pid) && !hasEnded(entry));
}

/**
 * A tree looked at again and again while it changes. It remembers whom it has seen: a child born between two looks, its parent dead
 * by the second and no mark on it, is still known by its parent's session.
 */
export class LivingTree {
  readonly #mark: string;
  readonly #seen: Map<string, Root>;

  constructor(roots: readonly Root[], mark: string) {
    this.#mark = mark;
    this.#seen = new Map();
    this.#remember(roots);
  }

  members(): readonly ProcessEntry[] {
    const members = treeOf([...this.#seen.values()], this.#mark);
    this.#remember(members);
    return members;
  }

  /** Counts among them from now on, with all that it starts. */
  takeIn(one: Root): void {
    this.#remember([one]);
  }

  #remember(processes: readonly Root[]): void {
    for (const { pid, startedAt } of processes) this.#seen.set(`${pid} ${startedAt}`, { pid, startedAt });
  }
}

/** These and all they have started, as long as somebody between is there. */
export function descendantsOf(pids: readonly number[]): readonly number[] {
  const members = new Set(pids);
  addDescendants(members, processTable());
  return [...members];
}

/** Undefined when it has ended. */
export function processEntry(pid: number): ProcessEntry | undefined {
  return process.platform === "linux" ? fromStat(pid) : fromPs().find((entry) => entry.pid === pid);
}

/** Whether this very process has not ended, and no other has its pid. */
export function isRunning({ pid, startedAt }: Root): boolean {
  const entry = processEntry(pid);
  return entry !== undefined && entry.startedAt === startedAt && !hasEnded(entry);
}

/**
 * Also where its parent has not yet read that it did. A process that is killed is in state Z as soon as its first thread has ended; on a busy machine
 * the others need a while longer, and until then hold all that it had: its port, its files and its memory.
 */
export function hasEnded({ state, threads }: Pick<ProcessEntry, "state" | "threads">): boolean {
  return state.startsWith("X") || (state.startsWith("Z") && threads <= 1);
}

/** A command line as its process shows it; its bare name where there is none, undefined when it has ended. */
export function commandLine(pid: number): string | undefined {
  const words = read(`/proc/${pid}/cmdline`)?.toString("utf8").replaceAll("\0", " ").trim();
  return words === undefined || words === "" ? processEntry(pid)?.name : words;
}

/** Sends a signal unless the process has ended since it was looked at. */
export function signalProcess({ pid, startedAt }: Root, signal: NodeJS.Signals): void {
  if (processEntry(pid)?.startedAt !== startedAt) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, "ESRCH", "EPERM")) throw error;
  }
}

/** What to say of those that SIGKILL does not end. */
export function notKilled(left: readonly ProcessEntry[]): string {
  const names = left.map(({ pid, name, state }) => `${pid} (${name}, state ${state})`).join(", ");
  return `${left.length === 1 ? "a process" : "processes"} could not be killed: ${names}`;
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** A session id stays reserved while anybody is in it, so only a root's pid taken by somebody else has to be ruled out. */
function ownSessions(roots: readonly Root[], table: readonly ProcessEntry[]): ReadonlySet<number> {
  const startOf = new Map(table.map(({ pid, startedAt }) => [pid, startedAt]));
  return new Set(roots.flatMap(({ pid, startedAt }) => ((startOf.get(pid) ?? startedAt) === startedAt ? [pid] : [])));
}

function addDescendants(members: Set<number>, table: readonly ProcessEntry[]): void {
  let before: number;
  do {
    before = members.size;
    for (const { pid, parent } of table) if (members.has(parent)) members.add(pid);
  } while (members.size > before);
}

function hasMark(pid: number, mark: string): boolean {
  return read(`/proc/${pid}/environ`)?.includes(mark) === true;
}

function fromProc(): readonly ProcessEntry[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => fromStat(Number(pid)) ?? []);
}

/** proc(5): "pid (name) state parent group session …", the threads as field 20 and the start as field 22; the name may hold blanks and brackets. */
function fromStat(pid: number): ProcessEntry | undefined {
  const line = read(`/proc/${pid}/stat`)?.toString("latin1");
  if (line === undefined) return undefined;
  const nameEnd = line.lastIndexOf(")");
  const [state, parent, group, session, ...rest] = line.slice(nameEnd + 2).split(" ");
  const [threads, startedAt] = [rest[13], rest[15]];
  if (state === undefined || startedAt === undefined) return undefined;
  const name = line.slice(line.indexOf("(") + 1, nameEnd);
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), state, threads: Number(threads), startedAt, name };
}

/** Where there is no /proc. There a worker is found by its group and its parents only: neither environments nor threads can be read. */
function fromPs(): readonly ProcessEntry[] {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid=,pgid=,stat=,lstart=,comm="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const [, pid, parent, group, state, startedAt, name] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+((?:\S+\s+){4}\S+)\s+(.*)$/.exec(line) ?? [];
    if (state === undefined || startedAt === undefined || name === undefined) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), session: Number(group), state, threads: 1, startedAt, name }];
  });
}

/** Undefined where the process has ended or is somebody else's. */
function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR")) return undefined;
    throw error;
  }
}
