// A program of its own: `node containerGuardProcess.ts SOCKET MARK`, started by containerGuard.ts with a pipe as its stdin.
import { request, type IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { tellAfterwards } from "../host/aftermath.ts";
import type { Aftermath } from "../model/running.ts";

/** A container may just be being made while its harness dies; answers that nobody is there, for so long, are nobody left. */
const quietMilliseconds = 2_000;
const patienceMilliseconds = 60_000;

const [socketPath, mark] = process.argv.slice(2);
if (socketPath !== undefined && mark !== undefined) {
  const aftermath = await toldUntilTheEnd();
  const { count, after, left } = await removeAll(socketPath, `tandem.harness=${mark}`);
  if (aftermath !== undefined && count > 0) {
    tellAfterwards(aftermath, "containers", { kind: "endedAfterUs", what: "containers", count, after });
    if (left.length > 0) tellAfterwards(aftermath, "containers", { kind: "warning", message: notRemoved(left) });
  }
}

/** Each line says where to tell; the last whole one counts. */
async function toldUntilTheEnd(): Promise<Aftermath | undefined> {
  let text = "";
  try {
    for await (const piece of process.stdin) text += String(piece);
  } catch {
    // A broken pipe is the end as well.
  }
  const last = text.split("\n").at(-2);
  return last === undefined ? undefined : (JSON.parse(last) as Aftermath); // containerGuard.ts wrote it
}

interface Removed {
  readonly count: number;
  /** Seconds until the last of them was seen. */
  readonly after: number;
  readonly left: readonly string[];
}

async function removeAll(socket: string, label: string): Promise<Removed> {
  const began = performance.now();
  const seen = new Set<string>();
  let [after, left]: [number, readonly string[]] = [0, []];
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  for (
    let lastSeen = began;
    performance.now() - lastSeen < quietMilliseconds && performance.now() - began < patienceMilliseconds;
    await pause(250)
  ) {
    const list = await answer(socket, "GET", `/containers/json?all=true&filters=${filters}`);
    if (list === undefined) {
      lastSeen = performance.now(); // who is left is not known
      continue;
    }
    left = idsIn(list);
    if (left.length > 0) [lastSeen, after] = [performance.now(), (performance.now() - began) / 1_000];
    for (const id of left) seen.add(id);
    for (const id of left) await answer(socket, "DELETE", `/containers/${id}?force=true&v=true`);
  }
  return { count: seen.size, after, left };
}

function notRemoved(left: readonly string[]): string {
  return `containers could not be removed: ${left.map((id) => id.slice(0, 12)).join(", ")}`;
}

/** Undefined where the daemon does not answer, or cannot say: it may be restarting, and is asked again. */
async function answer(socketPath: string, method: string, path: string): Promise<string | undefined> {
  return new Promise((onAnswer) => {
    const asking = request({ socketPath, method, path, timeout: 30_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () => onAnswer(isWell(response) ? text : undefined));
      response.on("error", () => onAnswer(undefined));
    });
    asking.on("timeout", () => asking.destroy());
    asking.on("error", () => onAnswer(undefined));
    asking.end();
  });
}

function isWell({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function idsIn(text: string): readonly string[] {
  return [...text.matchAll(/"Id":"([0-9a-f]{64})"/g)].map(([, id = ""]) => id);
}
