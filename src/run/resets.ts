import { setTimeout as pause } from "node:timers/promises";

import { ask, type Server } from "../launch/ask.ts";
import { addressOf, type SlottedService } from "../launch/neededServices.ts";
import type { RunningEngine } from "../model/running.ts";

/** An engine's own answer goes out before its core has done it. */
const afterwards = 100;

/** Empties its caches by all means that are known; returns what it answered. */
export async function reset(running: RunningEngine): Promise<string> {
  const { engine, resetCaches } = running;
  if (resetCaches !== undefined) return resetCaches("all") ? "it says it is done" : "requests still hold blocks";
  const server = serverOf(running);
  if (server === undefined || engine.resets === undefined) return "it has no means for that";
  const answers: string[] = [];
  for (const path of engine.resets.paths) answers.push((await posted(server, path)).said);
  await pause(afterwards);
  return answers.join("; ");
}

/** Empties its own memory alone, and leaves what a cache beside it has. False where it has no means for that, or does not do it. */
export async function resetOwn(running: RunningEngine): Promise<boolean> {
  const { engine, resetCaches } = running;
  if (resetCaches !== undefined) return resetCaches("own");
  const [server, path] = [serverOf(running), engine.resets?.own];
  if (server === undefined || path === undefined) return false;
  const { status } = await posted(server, path);
  await pause(afterwards);
  return status >= 200 && status < 300;
}

/** Empties a service; returns what it answered, nothing where it keeps nothing or has no means. */
export async function resetService(one: SlottedService): Promise<string> {
  const { resets } = one.service;
  const { host, ports } = addressOf(one);
  const port = resets === undefined ? undefined : ports[resets.port];
  let said = "";
  for (const path of port === undefined ? [] : (resets?.paths ?? [])) {
    const answer = await posted({ url: `http://${host}:${port}`, acceptAnyCertificate: false }, path);
    said = answer.said;
    if (answer.status !== 404) break;
  }
  return said;
}

function serverOf({ engine, reach }: RunningEngine): Server | undefined {
  if (reach.kind !== "http") return undefined;
  const key = engine.wire.apiKey === undefined ? {} : { apiKey: engine.wire.apiKey };
  return { url: reach.url, acceptAnyCertificate: reach.acceptAnyCertificate, ...key };
}

async function posted(server: Server, path: string): Promise<{ readonly status: number; readonly said: string }> {
  try {
    const { status, text } = await ask(server, { path, body: {}, within: 30 });
    return { status, said: `${path} answered ${status} ${text.slice(0, 80).trim()}` };
  } catch {
    return { status: 0, said: `${path} did not answer` };
  }
}
