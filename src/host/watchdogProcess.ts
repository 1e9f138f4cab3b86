// A program of its own: `node watchdogProcess.ts MARK NAME…`, started by watchdog.ts with a pipe as its stdin, by which it is told what to
// look after. The names are of shared memory that was there before.
import { setTimeout as pause } from "node:timers/promises";

import type { RunEvent } from "../model/runEvent.ts";
import { tellAfterwards } from "./aftermath.ts";
import { gpuMemoryHolders, gpuMemoryUsed } from "./gpuMemory.ts";
import { gpuMemoryBack } from "./gpuMemoryBack.ts";
import { LivingTree, notKilled, signalProcess, type ProcessEntry, type Root } from "./processTable.ts";
import { SharedMemory } from "./sharedMemory.ts";
import { removeTemporaryDirectory } from "./temporaryDirectory.ts";
import type { Told } from "./watchdog.ts";

/** Far longer than the kernel needs to end a process that can be ended. */
const patienceMilliseconds = 10_000;
const quietMilliseconds = 1_000;

const [, , mark, ...before] = process.argv;
const sharedMemory = new SharedMemory(before);
if (mark !== undefined && mark !== "") await lookAfter(mark);

async function lookAfter(mark: string): Promise<void> {
  const told = await toldUntilTheEnd();
  const began = performance.now();
  const secondsSince = () => (performance.now() - began) / 1_000;
  const aftermath = told.findLast((one) => "aftermath" in one)?.aftermath ?? undefined;
  const tell = (event: RunEvent) => aftermath !== undefined && tellAfterwards(aftermath, "processes", event);
  const roots = told.filter(isRoot);
  const { count, after, left } = await endAll(new LivingTree(roots, mark), secondsSince);
  for (const path of told.findLast((one) => "temporary" in one)?.temporary ?? []) removeTemporaryDirectory(path);
  if (roots.length > 0) tell({ kind: "endedAfterUs", what: "processes", count, after });
  if (left.length > 0) tell({ kind: "warning", message: notKilled(left) });
  const { gpus = [], env = {} } = told.findLast((one) => "gpus" in one) ?? {};
  const look = {
    used: async (ids: readonly string[]) => gpuMemoryUsed(ids, env),
    holders: async (ids: readonly string[]) => gpuMemoryHolders(ids, env),
  };
  const looks = gpus.map(async (one) => {
    const back = await gpuMemoryBack(one, look);
    if (back.kind === "back") tell({ kind: "gpuMemoryBack", gpu: one.gpu, after: secondsSince() });
    if (back.kind === "held") tell({ kind: "warning", message: back.message });
  });
  if (aftermath !== undefined) await Promise.all(looks);
}

async function toldUntilTheEnd(): Promise<readonly Told[]> {
  let text = "";
  try {
    for await (const piece of process.stdin) text += String(piece);
  } catch {
    // A broken pipe is the end as well.
  }
  return text.split("\n").flatMap(parseTold);
}

/** The last line may be cut off; a process it tells of still has the mark. */
function parseTold(line: string): readonly Told[] {
  try {
    return [JSON.parse(line) as Told]; // watchdog.ts wrote it
  } catch {
    return [];
  }
}

function isRoot(told: Told): told is Root {
  return "pid" in told;
}

interface Ended {
  readonly count: number;
  /** Until the last of them was seen. */
  readonly after: number;
  readonly left: readonly ProcessEntry[];
}

/** Nobody seen for a while is nobody left: one who is just being forked or loaded shows no mark yet, for longer on a busy machine. */
async function endAll(tree: LivingTree, secondsSince: () => number): Promise<Ended> {
  const seen = new Set<string>();
  let [after, left]: [number, readonly ProcessEntry[]] = [0, []];
  const began = performance.now();
  for (let lastSeen = began; performance.now() - lastSeen < quietMilliseconds && performance.now() - began < patienceMilliseconds;) {
    left = tree.members();
    for (const entry of left) {
      seen.add(`${entry.pid} ${entry.startedAt}`);
      sharedMemory.remember(entry.pid);
      signalProcess(entry, "SIGKILL");
    }
    if (left.length > 0) [lastSeen, after] = [performance.now(), secondsSince()];
    await pause(left.length > 0 ? 20 : 50);
  }
  sharedMemory.discard();
  return { count: seen.size, after, left };
}
