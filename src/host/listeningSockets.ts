import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { userInfo } from "node:os";

import type { ProcessInfo } from "../model/running.ts";
import { commandLine, isErrno, processTable } from "./processTable.ts";
import { unlessGone } from "./unlessGone.ts";

/** Who listens on a TCP port of this machine, on any address; empty when nobody does. */
export function listenersOn(port: number): readonly ProcessInfo[] {
  return process.platform === "linux" ? fromProc(port) : fromLsof(port);
}

/** Whether these processes listen on a port and nobody else does: of two servers on one port a client cannot know which it reaches. */
export function isHeldBy(pids: readonly number[], port: number): boolean {
  if (process.platform !== "linux") {
    const holders = fromLsof(port);
    return holders.length > 0 && holders.every(({ pid }) => pid !== undefined && pids.includes(pid));
  }
  const sockets = socketsOn(port);
  const theirs = new Set(pids.flatMap((pid) => [...socketsOf(pid)]));
  return sockets.size > 0 && [...sockets.keys()].every((socket) => theirs.has(socket));
}

function fromProc(port: number): readonly ProcessInfo[] {
  const sockets = socketsOn(port);
  if (sockets.size === 0) return [];
  const found = new Set<string>();
  const known = processTable().flatMap(({ pid }) => {
    const held = [...socketsOf(pid)].filter((socket) => sockets.has(socket));
    for (const socket of held) found.add(socket);
    return held.length === 0 ? [] : [{ pid, command: commandLine(pid) ?? "a process that has just ended" }];
  });
  const hidden = [...sockets].filter(([socket]) => !found.has(socket));
  return [...known, ...hidden.map(([, user]) => ({ command: `a process of ${userName(user)}` }))];
}

/** The sockets listening on a port, by inode, each with its user's id. */
function socketsOn(port: number): ReadonlyMap<string, number> {
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => readTable(path).split("\n").slice(1));
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return new Map(
    lines.flatMap((line): [string, number][] => {
      const [, local, , state, , , , user, , inode] = line.trim().split(/\s+/);
      return state === LISTEN && inode !== undefined && local?.endsWith(ending) === true ? [[inode, Number(user)]] : [];
    }),
  );
}

// tcp(7), as /proc/net/tcp writes it.
const LISTEN = "0A";

function socketsOf(pid: number): ReadonlySet<string> {
  const sockets = new Set<string>();
  for (const file of unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const inode = /^socket:\[(\d+)\]$/.exec(unlessGone(() => readlinkSync(`/proc/${pid}/fd/${file}`)) ?? "")?.[1];
    if (inode !== undefined) sockets.add(inode);
  }
  return sockets;
}

function readTable(path: string): string {
  return unlessGone(() => readFileSync(path, "latin1")) ?? ""; // no tcp6 where the kernel has no IPv6
}

function userName(id: number): string {
  return id === userInfo().uid ? "this user, in another container or namespace" : `user ${id}`;
}

/** Where there is no /proc. `lsof -F` writes one field a line, its letter first: p the pid, c the command. */
function fromLsof(port: number): readonly ProcessInfo[] {
  const fields = unlessGone(() => lsof(port))?.split("\n") ?? [];
  return fields.flatMap((field, index) =>
    field.startsWith("p") ? [{ pid: Number(field.slice(1)), command: fields[index + 1]?.slice(1) ?? "unknown" }] : [],
  );
}

/** lsof exits with 1 when it finds nobody. */
function lsof(port: number): string {
  try {
    return execFileSync("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw error;
    return "";
  }
}
