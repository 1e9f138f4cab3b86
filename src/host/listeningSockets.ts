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

/** The system's tables of connections: of IPv4, and of IPv6. */
export type Table = "tcp" | "tcp6";

const tables: readonly Table[] = ["tcp", "tcp6"];

/** The sockets that listen on a port, by inode, and no word of whose they are: cheap enough to be asked every second. Undefined where there is no /proc. */
export function listeningOn(port: number, from: readonly Table[] = tables): ReadonlyMap<string, Table> | undefined {
  if (process.platform !== "linux") return undefined;
  return new Map(from.flatMap((table) => socketsIn(table, port).map(([inode]): [string, Table] => [inode, table])));
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

/** On which ports these processes listen, and which of them; empty where there is no /proc. */
export function portsOf(pids: readonly number[]): readonly { readonly pid: number; readonly port: number }[] {
  if (process.platform !== "linux") return [];
  const listening = new Map(tables.flatMap((table) => listenersIn(table).split("\n").flatMap(portOf)));
  const found = pids.flatMap((pid) => [...socketsOf(pid)].flatMap((socket) => ({ pid, port: listening.get(socket) ?? 0 })));
  return found.filter(({ port }) => port > 0);
}

function portOf(line: string): [inode: string, port: number][] {
  const port = /^[0-9A-F]+:([0-9A-F]{4})$/.exec(line.trim().split(/\s+/)[1] ?? "")?.[1];
  if (port === undefined) return [];
  return socketOf(line, `:${port}`).map(([inode]): [string, number] => [inode, Number.parseInt(port, 16)]);
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
  return new Map(tables.flatMap((table) => socketsIn(table, port)));
}

function socketsIn(table: Table, port: number): readonly [inode: string, user: number][] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = listenersIn(table).split("\n");
  // Most are looked at no further: this is asked often.
  return lines.flatMap((line): [string, number][] => (line.includes(ending) ? socketOf(line, ending) : []));
}

function socketOf(line: string, ending: string): [string, number][] {
  const [, local, , state, , , , user, , inode] = line.trim().split(/\s+/);
  return state === LISTEN && inode !== undefined && local?.endsWith(ending) === true ? [[inode, Number(user)]] : [];
}

// tcp(7), as /proc/net/tcp writes it.
const LISTEN = "0A";
/** A whole row of a connection. */
const CONNECTION = /^ *\d+: \S+ \S+ (?!0A)[0-9A-F]{2} /m;
/** Some rows: of more the kernel would have to look for connections that are not wanted, of one there are as many reads as rows. */
const pieceBytes = 512;

/** They come first, and after them every connection there is, of which a load makes thousands: those are not read. */
function listenersIn(table: Table): string {
  const file = unlessGone(() => openSync(`/proc/net/${table}`, "r"));
  if (file === undefined) return ""; // no tcp6 where the kernel has no IPv6
  try {
    const piece = Buffer.alloc(pieceBytes);
    let text = "";
    for (;;) {
      const length = readSync(file, piece);
      text += piece.toString("latin1", 0, length);
      if (length === 0 || CONNECTION.test(text)) return text;
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
