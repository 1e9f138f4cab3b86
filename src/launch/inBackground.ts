import { setTimeout as pause } from "node:timers/promises";

import type { Place, ProcessInfo, StartedProcess } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import type { HowEnded } from "./howEnded.ts";
import { named } from "./port.ts";

/** A server that has just forked opens its port by then, or takes much longer. */
const patience: Seconds = 0.5;

/** Who listens on its ports once a program that was started has ended well, as one does that puts its server into the background. */
export async function leftInBackground(
  place: Place,
  ports: readonly number[],
  { code }: HowEnded,
  { within = patience }: { readonly within?: Seconds } = {},
): Promise<readonly ProcessInfo[]> {
  const giveUp = performance.now() + within * 1_000;
  for (;;) {
    const left = code === 0 ? (await Promise.all(ports.map(async (port) => place.listeners(port)))).flat() : [];
    if (code !== 0 || left.length > 0 || performance.now() > giveUp) return left;
    await pause(25);
  }
}

/** What to say of them, to go on with after how the program ended: who is of its tree is ended with it. Nothing of nobody. */
export function toldOf(left: readonly ProcessInfo[], started: StartedProcess): { readonly besides: string; readonly hint?: string } {
  if (left.length === 0) return { besides: "" };
  const others = strangersAmong(left, started);
  const hint = "start it in the foreground: of a server in the background nobody sees the end (Redis: daemonize no)";
  return {
    besides: `, and ${named(left)} ${left.length === 1 ? "listens" : "listen"} on its port, in the background`,
    hint: others.length === 0 ? hint : `${hint}; it cannot be told whether ${named(others)} is its own: then end it yourself`,
  };
}

/** Of those that listen on a port that a tree was given, who is not of it. Whoever works in its directory is, however it was started. */
export function strangersAmong(listeners: readonly ProcessInfo[], started: StartedProcess): readonly ProcessInfo[] {
  if (listeners.length === 0) return [];
  const ours = started.pids?.() ?? [started.pid];
  return listeners.filter(({ pid }) => pid === undefined || !(ours.includes(pid) || started.takesIn?.(pid) === true));
}
