import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem, freemem } from "node:os";
import { dirname } from "node:path";

import { unlessGone } from "../host/unlessGone.ts";
import type { CacheRoom, Engine } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Declared } from "./neededServices.ts";
import { onThisMachine } from "./sharedPlaces.ts";

/** Of a machine's memory, in GiB. */
export interface Memory {
  readonly total: number;
  readonly available: number;
}

/** What an engine's caches can never have here: more memory or disk than there is, a directory that cannot be made. */
export async function refuseNoRoom({ name, engine, world }: Declared, memory: Memory = memoryHere()): Promise<void> {
  for (const room of engine.cacheRoom?.(world) ?? []) {
    const wanted = `engine ${name} is to keep ${inWords(room)}`;
    if (room.kind === "memory") {
      if (room.gib > memory.total) throw noRoom(`${wanted}, and this machine has ${shown(memory.total)} GiB`, "give it less: cpuGigabytes");
    } else if (room.path !== undefined) {
      await refuseDirectory(onThisMachine(room.path, engine), { wanted, gib: room.gib });
    }
  }
}

async function refuseDirectory(
  path: string,
  { wanted, gib = 0 }: { readonly wanted: string; readonly gib: number | undefined },
): Promise<void> {
  const above = nearestThere(path);
  const why = whyNotWritable(above);
  const { total } = await diskOf(above);
  if (why !== undefined || total === 0) {
    throw noRoom(
      `${wanted}, which cannot be made: ${why ?? `${above} holds no files of ours`}`,
      "name a directory that can be written: diskPath",
    );
  }
  if (gib > total) throw noRoom(`${wanted}, and the disk there has ${shown(total)} GiB`, "give it less: diskGigabytes");
}

/** What may be over by the time these engines, which are up at once, start: memory or disk that others have. `own` is where their own directories will be. */
export async function cacheRoomLacking(
  engines: readonly Declared[],
  own: string,
  memory: Memory = memoryHere(),
): Promise<readonly string[]> {
  const each = engines.flatMap(({ name, engine, world }) => (engine.cacheRoom?.(world) ?? []).map((room) => ({ name, engine, room })));
  const onDisk = await Promise.all(each.map(async (one) => lackingOnDisk(one, own)));
  return [...lackingInMemory(each, memory), ...onDisk.flat()];
}

/** A room of an engine. */
interface Filling {
  readonly name: string;
  readonly engine: Engine;
  readonly room: CacheRoom;
}

/** One that is shared is filled once; one that can never be is refused elsewhere. */
function lackingInMemory(each: readonly Filling[], { total, available }: Memory): readonly string[] {
  const filled = each.flatMap(({ name, room }) =>
    room.kind === "memory" && room.gib <= total ? [{ name, owner: room.shared ?? name, gib: room.gib }] : [],
  );
  const gib = [...new Map(filled.map((one) => [one.owner, one.gib])).values()].reduce((sum, one) => sum + one, 0);
  if (gib <= available) return [];
  const names = [...new Set(filled.map(({ name }) => name))];
  const are = names.length === 1 ? "is" : "are";
  return [
    `${names.join(" and ")} ${are} to keep ${gib} GiB of KV cache in memory, and ${shown(available)} of ${shown(total)} GiB are available`,
  ];
}

async function lackingOnDisk({ name, engine, room }: Filling, own: string): Promise<readonly string[]> {
  if (room.kind === "memory" || room.gib === undefined) return [];
  const { path } = room;
  const { total, free } = await diskOf(nearestThere(path === undefined ? own : onThisMachine(path, engine)));
  const isRefused = path !== undefined && room.gib > total;
  return room.gib <= free || isRefused ? [] : [`${name} is to keep ${inWords(room)}, and ${shown(free)} GiB are free there`];
}

function inWords(room: CacheRoom): string {
  if (room.kind === "memory") return `${room.gib} GiB of KV cache in memory`;
  const size = room.gib === undefined ? "KV cache" : `${room.gib} GiB of KV cache`;
  return room.path === undefined ? `${size} on disk` : `${size} in ${room.path}`;
}

function noRoom(message: string, hint: string): HarnessError {
  return new HarnessError("usage", message, { hint });
}

const bytesPerGib = 2 ** 30;

function shown(gib: number): string {
  return gib.toFixed(1);
}

function memoryHere(): Memory {
  const kib = /^MemAvailable:\s+(\d+)/m.exec(unlessGone(() => readFileSync("/proc/meminfo", "utf8")) ?? "")?.[1];
  const available = kib === undefined ? freemem() : Number(kib) * 1_024;
  return { total: totalmem() / bytesPerGib, available: available / bytesPerGib };
}

/** A path, or the nearest above it that is there. */
function nearestThere(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestThere(dirname(path));
}

function whyNotWritable(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return statSync(path).isDirectory() ? undefined : `${path} is a file`;
  } catch {
    return `${path} cannot be written`;
  }
}

/** In GiB. */
async function diskOf(path: string): Promise<{ readonly total: number; readonly free: number }> {
  const { blocks, bavail, bsize } = await statfs(path);
  return { total: (blocks * bsize) / bytesPerGib, free: (bavail * bsize) / bytesPerGib };
}
