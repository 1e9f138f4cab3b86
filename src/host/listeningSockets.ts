import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { userInfo } from "node:os";

import type { ProcessInfo } from "../model/running.ts";
import { commandLine, isErrno, processTable } from "./processTable.ts";
import { unlessGone } from "./unlessGone.ts";

/** Who listens on a TCP port of this machine, on any address; empty when nobody does. */
export function listenersOn(port: number): readonly ProcessInfo[] {
  return process.platform === "linux" ? fromProc(port) : fromLsof(port);
}

/** The sockets that listen on a port, by inode, and no word of whose they are: cheap enough to be asked every second. Undefined where there is no /proc. */
export function listeningOn(port: number): ReadonlySet<string> | undefined {
  return process.platform === "linux" ? new Set(socketsOn(port).keys()) : undefined;
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
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return new Map(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap(listeningRows).flatMap((row): [string, number][] => {
      const [, local, , , , , , user, , inode] = row;
      return inode !== undefined && local?.endsWith(ending) === true ? [[inode, Number(user)]] : [];
    }),
  );
}

type Row = readonly string[];

// tcp(7), as /proc/net/tcp writes it.
const LISTEN = "0A";

function isListening([, , , state]: Row): boolean {
  return state === LISTEN;
}

/** The kernel lists them first, and after them every connection there is, of which a load makes thousands: those are not read. */
function listeningRows(path: string): readonly Row[] {
  const file = unlessGone(() => openSync(path, "r"));
  if (file === undefined) return []; // no tcp6 where the kernel has no IPv6
  try {
    const piece = Buffer.alloc(16_384);
    const rows: Row[] = [];
    let cutOff = "";
    for (;;) {
      const length = readSync(file, piece);
      const lines = (cutOff + piece.toString("latin1", 0, length)).split("\n");
      cutOff = lines.pop() ?? "";
      for (const line of lines) rows.push(line.trim().split(/\s+/));
      // The first row is that of the titles.
      if (length === 0 || rows.slice(1).some((row) => !isListening(row))) return rows.filter(isListening);
    }
  } finally {
    closeSync(file);
  }
}

function socketsOf(pid: number): ReadonlySet<string> {
  const sockets = new Set<string>();
  for (const file of unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const inode = /^socket:\[(\d+)\]$/.exec(unlessGone(() => readlinkSync(`/proc/${pid}/fd/${file}`)) ?? "")?.[1];
    if (inode !== undefined) sockets.add(inode);
  }
  return sockets;
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
