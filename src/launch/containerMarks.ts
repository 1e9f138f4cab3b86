import { readFileSync, readlinkSync } from "node:fs";

import type Docker from "dockerode";

import { processEntry } from "../host/processTable.ts";

/** On every container of ours: the process that started it, so that nobody else's is ever touched. */
export const harnessLabel = "tandem.harness";
export const engineLabel = "tandem.engine";

/** This process, among all that any machine ever has: boot, process namespace, pid, start. */
export function harnessMark(): string {
  return [...hereAndNow(), process.pid, processEntry(process.pid)?.startedAt ?? "unknown"].join(" ");
}

/** Removes containers whose harness was killed before it could. Those of other machines, and of runs that are alive, stay. Returns whose they were. */
export async function sweepContainers(docker: Docker): Promise<readonly string[]> {
  const marked = await docker.listContainers({ all: true, filters: { label: [harnessLabel] } });
  const left = marked.filter(({ Labels: labels }) => isGone(labels[harnessLabel] ?? ""));
  for (const { Id: id } of left) await removeContainer(docker, id);
  return left.map(({ Id: id, Labels: labels }) => `${labels[engineLabel] ?? "an engine"} (${id.slice(0, 12)})`);
}

/** One that is gone already is well. */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  try {
    await docker.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error; // 409: its removal is under way
  }
}

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof Error && "statusCode" in error && statuses.includes(Number(error.statusCode));
}

function isGone(mark: string): boolean {
  const words = mark.split(" ");
  const [boot, namespace] = hereAndNow();
  const [pid, startedAt] = words.slice(2);
  // A process of another machine, or of another namespace, cannot be looked for from here.
  if (pid === undefined || startedAt === undefined || words[0] !== boot || words[1] !== namespace) return false;
  return processEntry(Number(pid))?.startedAt !== startedAt;
}

function hereAndNow(): readonly [boot: string, namespace: string] {
  try {
    return [readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), readlinkSync("/proc/self/ns/pid")];
  } catch {
    return ["no-boot-id", "no-namespace"]; // no Linux: the daemon then runs in a machine of its own, with one boot for us
  }
}
