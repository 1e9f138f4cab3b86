import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";

import type Docker from "dockerode";

import { HarnessError } from "../model/harnessError.ts";
import type { Place } from "../model/running.ts";
import { guardContainers } from "./containerGuard.ts";
import { engineLabel, harnessLabel, harnessMark, isStatus, removeContainer } from "./containerMarks.ts";
import { createOptions, type ContainerOrder } from "./containerOrder.ts";
import type { DockerDaemon } from "./dockerDaemon.ts";
import type { EngineLogs } from "./engineLogs.ts";

/** A container that was started. */
export interface Started {
  readonly container: Docker.Container;
  /** Resolves when its program has ended. */
  readonly ended: Promise<HowEnded>;
  /** Resolves when all that it printed is in its log files. */
  readonly logged: Promise<void>;
}

export interface HowEnded {
  /** Undefined when the daemon could not tell. */
  readonly code: number | undefined;
  readonly outOfMemory: boolean;
}

/** What a container is started with, and where what it prints goes. */
export interface ContainerStart {
  readonly daemon: DockerDaemon;
  readonly name: string;
  readonly container: ContainerOrder;
  /** As people may see it. */
  readonly commandLine: string;
  readonly logs: EngineLogs;
  readonly place: Pick<Place, "afterUs">;
}

/** Marked as ours before it runs, and guarded: it goes when we do. */
export async function start(given: ContainerStart): Promise<Started> {
  const { docker, socket } = given.daemon;
  guardContainers(socket, given.place.afterUs?.aftermath);
  const labels = { [harnessLabel]: harnessMark(), [engineLabel]: given.name };
  const container = await docker.createContainer(createOptions(given.container, labels));
  try {
    const exited = container.wait({ condition: "next-exit" });
    exited.catch(() => {}); // read below, once it has started
    await container.start();
    return { container, ended: howEnded(container, exited), logged: logged(given, container) };
  } catch (cause) {
    await removeContainer(docker, container.id);
    throw new HarnessError("engine-exited", `engine ${given.name}: its container cannot be started: ${messageOf(cause)}`, {
      hint: `to try it by hand: ${given.commandLine}`,
      cause,
    });
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.trim() : String(cause);
}

async function howEnded(container: Docker.Container, exited: Promise<unknown>): Promise<HowEnded> {
  const code = await exited.then(statusIn, () => undefined);
  const outOfMemory = await container.inspect().then(
    ({ State: state }) => state.OOMKilled,
    () => false, // removed already
  );
  return { code, outOfMemory };
}

function statusIn(answer: unknown): number | undefined {
  return typeof answer === "object" && answer !== null && "StatusCode" in answer ? Number(answer.StatusCode) : undefined;
}

async function logged({ daemon, logs }: ContainerStart, container: Docker.Container): Promise<void> {
  mkdirSync(dirname(logs.stdout), { recursive: true });
  const [stdout, stderr] = [logs.stdout, logs.stderr].map((path) => createWriteStream(path, { flags: "a" }));
  if (stdout === undefined || stderr === undefined) return;
  try {
    const stream = await container.logs({ follow: true, stdout: true, stderr: true });
    daemon.docker.modem.demuxStream(stream, stdout, stderr);
    await finished(stream, { writable: false }).catch(() => {}); // cut off with its container: what came is written
  } finally {
    await Promise.all([stdout, stderr].map(async (file) => finished(file.end())));
  }
}

/** Of every process in it, as this machine counts them; empty when it has ended. */
export async function pidsOf(container: Docker.Container): Promise<readonly number[]> {
  try {
    const { Titles: titles, Processes: processes } = await container.top();
    const column = titles.indexOf("PID");
    return processes.map((fields: readonly string[]) => Number(fields[column]));
  } catch (error) {
    if (isStatus(error, 404, 409, 500)) return []; // 409: it is not running; older daemons say 500
    throw error;
  }
}

/** The daemon hands on the last lines after the end; a stream that it forgets to close is not waited for. */
export async function fullyLogged({ logged }: Started): Promise<void> {
  await Promise.race([logged, pause(2_000)]);
}

export function inWords({ code, outOfMemory }: HowEnded): string {
  if (outOfMemory) return "was killed by the kernel: its container ran out of memory";
  return code === undefined ? "ended, and the Docker daemon cannot say how" : `exited with status ${code}`;
}

export function adviceFor({ code, outOfMemory }: HowEnded): string | undefined {
  if (outOfMemory) return "give the container or this machine more memory, or lower what the engine takes of it";
  if (code === 127) return "its image has no such program: look at the last lines, and at the image's tag";
  return code === 137 ? "somebody killed it; with too little memory that is the kernel: dmesg | grep -i oom" : undefined;
}
