import { setTimeout as pause } from "node:timers/promises";

import { ask, askEngine, type Answer, type Question } from "../launch/ask.ts";
import { askRedis } from "../launch/askRedis.ts";
import { addressOf, type SlottedService } from "../launch/neededServices.ts";
import { emptyDirectories } from "../launch/slotFiles.ts";
import type { RunningEngine } from "../model/running.ts";
import type { ServiceReset } from "../model/service.ts";

/** An engine's own answer goes out before its core has done it. */
const afterwards = 100;

/** Empties its caches by all means that are known; returns what it answered. */
export async function reset(running: RunningEngine): Promise<string> {
  const { engine, reach, resetCaches } = running;
  if (resetCaches !== undefined) return resetCaches("all") ? "it says it is done" : "requests still hold blocks";
  if (reach.kind === "line" || engine.resets === undefined) return "it has no means for that";
  const answers: string[] = [];
  for (const path of engine.resets.paths) answers.push((await postedTo(running, path)).said);
  await pause(afterwards);
  return answers.join("; ");
}

/** Empties its own memory alone, and leaves what a cache beside it has. False where it has no means for that, or does not do it. */
export async function resetOwn(running: RunningEngine): Promise<boolean> {
  const { engine, reach, resetCaches } = running;
  if (resetCaches !== undefined) return resetCaches("own");
  const path = engine.resets?.own;
  if (reach.kind === "line" || path === undefined) return false;
  const { status } = await postedTo(running, path);
  await pause(afterwards);
  return status >= 200 && status < 300;
}

/** Empties a service by each of its means; returns what came of it, nothing where it keeps nothing or has no means. */
export async function resetService(one: SlottedService): Promise<readonly string[]> {
  const said: string[] = [];
  for (const reset of one.service.resets ?? []) said.push(await resetBy(reset, one));
  return said;
}

async function resetBy(reset: ServiceReset, one: SlottedService): Promise<string> {
  const { host, ports } = addressOf(one);
  if (reset.kind === "files") {
    const removed = await emptyDirectories(one.slot.directory, reset.directories);
    return `${removed} of its files removed`;
  }
  const port = ports[reset.port];
  if (port === undefined) throw new TypeError(`a reset of ${one.name} names its port ${reset.port}, which it does not have`);
  return reset.kind === "redis" ? commanded(reset, host, port) : firstKnown(reset.paths, `http://${host}:${port}`);
}

async function firstKnown(paths: readonly string[], url: string): Promise<string> {
  let said = "";
  for (const path of paths) {
    const answer = await posted(path, async (question) => ask({ url, acceptAnyCertificate: false }, question));
    said = answer.said;
    if (answer.status !== 404) break;
  }
  return said;
}

async function commanded({ command, login }: Extract<ServiceReset, { kind: "redis" }>, host: string, port: number): Promise<string> {
  try {
    const reply = await askRedis({ host, port, command, within: 30, ...(login === undefined ? {} : { login }) });
    return `${command} answered ${reply.slice(0, 80)}`;
  } catch {
    return `${command} did not answer`;
  }
}

async function postedTo(running: RunningEngine, path: string): Promise<Posted> {
  return posted(path, async (question) => askEngine(running, question));
}

interface Posted {
  readonly status: number;
  readonly said: string;
}

async function posted(path: string, asking: (question: Question) => Promise<Answer>): Promise<Posted> {
  try {
    const { status, text } = await asking({ path, body: {}, within: 30 });
    return { status, said: `${path} answered ${status} ${text.slice(0, 80).trim()}` };
  } catch {
    return { status: 0, said: `${path} did not answer` };
  }
}
