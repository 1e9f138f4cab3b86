import { setTimeout as pause } from "node:timers/promises";

import { listeningOn, portsOf, type Table } from "../host/listeningSockets.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { LaunchOrder, Place, ProcessInfo } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";

/** Who else has an engine's port, as the error that ends its launch. */
export function portTaken(name: string, port: number, listeners: readonly ProcessInfo[]): HarnessError {
  return new HarnessError("port-taken", `engine ${name} cannot have port ${port}: ${named(listeners)} has it`, {
    hint: "end that one, choose another port with -p, or leave -p out and a free one is taken",
  });
}

/** "process 4242 (python3 other.py)" */
export function named(processes: readonly ProcessInfo[]): string {
  return processes.map(({ pid, command }) => (pid === undefined ? command : `process ${pid} (${command})`)).join(" and ");
}

/** What to do about an engine that was not ready in time; where nobody has its port, its processes are told, which may have another. */
export function adviceOnWaiting(withinSeconds: Seconds, pids: readonly number[]): string {
  const longer = `if it only needs longer, give it more time: bootSeconds: ${2 * withinSeconds} in its description`;
  const elsewhere = portsOf(pids).map(({ pid, port }) => `process ${pid} of it listens on ${port}`);
  if (elsewhere.length === 0) return longer;
  return `${[...new Set(elsewhere)].slice(0, 4).join(", ")}: if that is its server, it does not take its port ({port} in its arguments)\n${longer}`;
}

/** Waits until nobody listens there any more; a port that stays in use is a warning. */
export async function portGivenBack(place: Place, { name, slot, tell }: Pick<LaunchOrder, "name" | "slot" | "tell">): Promise<void> {
  const giveUp = performance.now() + 5_000;
  while ((await place.listeners(slot.port)).length > 0) {
    if (performance.now() > giveUp) {
      tell({ kind: "warning", message: `port ${slot.port} is still in use after engine ${name} has ended` });
      return;
    }
    await pause(50);
  }
}

/**
 * What a launcher finds of strangers on a port, looked for again only when somebody new listens there: that can be asked every second. Where the
 * engine listens by IPv4, who does so by IPv6 is sent none of its connections, and with few connections that table takes ten times as long to read.
 */
export function strangersOn(port: number, look: () => Promise<readonly ProcessInfo[]>): () => Promise<readonly ProcessInfo[]> {
  let known: ReadonlyMap<string, Table> = new Map();
  return async () => {
    const tables: readonly Table[] = new Set(known.values()).has("tcp6") || known.size === 0 ? ["tcp", "tcp6"] : ["tcp"];
    const listening = listeningOn(port, tables);
    if (listening !== undefined && [...listening.keys()].every((socket) => known.has(socket))) return [];
    const strangers = await look();
    if (strangers.length === 0) known = listening ?? known;
    return strangers;
  };
}
