import { readdirSync, readFileSync, readlinkSync } from "node:fs";

import { commandLine, LivingTree, type Root } from "../../../src/host/processTable.ts";

/** What is still there of a tree of processes. */
export interface Left {
  readonly processes: readonly string[];
  /** Of those it was seen to listen on, the ones that somebody still does. */
  readonly ports: readonly number[];
}

/** A tree of processes as it is seen from outside. */
export class Holdings {
  readonly #tree: LivingTree;
  readonly #ports = new Set<number>();

  constructor(root: Root, mark: string) {
    this.#tree = new LivingTree([root], mark);
  }

  /** Looked at now and then, it remembers whoever was there. */
  look(): void {
    const inodes = new Set(this.#tree.members().flatMap(({ pid }) => socketsOf(pid)));
    for (const { port, inode } of listening()) if (inodes.has(inode)) this.#ports.add(port);
  }

  /** The watchdog outlives its harness by about a second, to look for those that come late; by then it has to be gone too. */
  left({ besides = /watchdogProcess/ }: { besides?: RegExp } = {}): Left {
    const commands = this.#tree.members().map(({ pid, state }) => `${pid} ${state} ${(commandLine(pid) ?? "").slice(0, 80)}`);
    const open = new Set(listening().map(({ port }) => port));
    return { processes: commands.filter((command) => !besides.test(command)), ports: [...this.#ports].filter((port) => open.has(port)) };
  }
}

export function namesIn(folder: string): readonly string[] {
  return unlessGone(() => readdirSync(folder)) ?? [];
}

/** Undefined where it has ended or is not there. */
export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function listening(): readonly { readonly port: number; readonly inode: string }[] {
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => (unlessGone(() => readFileSync(path, "latin1")) ?? "").split("\n"));
  return lines.flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    // 0A is LISTEN, see tcp(7).
    return state === "0A" && inode !== undefined ? [{ port: Number.parseInt(local.split(":")[1] ?? "", 16), inode }] : [];
  });
}

function socketsOf(pid: number): readonly string[] {
  return namesIn(`/proc/${pid}/fd`).flatMap((name) => {
    const target = unlessGone(() => readlinkSync(`/proc/${pid}/fd/${name}`)) ?? "";
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
}
