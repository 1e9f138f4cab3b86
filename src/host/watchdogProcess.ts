// A program of its own: `node watchdogProcess.ts MARK NAME…`, started by watchdog.ts with a pipe as its stdin. Each line names a root.
// The names are of shared memory that was there before.
import { setTimeout as pause } from "node:timers/promises";

import { LivingTree, signalProcess, type Root } from "./processTable.ts";
import { SharedMemory } from "./sharedMemory.ts";

/** Far longer than the kernel needs to end a process that can be ended. */
const patienceMilliseconds = 10_000;
const quietMilliseconds = 1_000;

const [, , mark, ...before] = process.argv;
const sharedMemory = new SharedMemory(before);
if (mark !== undefined && mark !== "") await endAll(new LivingTree(await rootsUntilTheEnd(), mark));

async function rootsUntilTheEnd(): Promise<readonly Root[]> {
  let text = "";
  try {
    for await (const piece of process.stdin) text += String(piece);
  } catch {
    // A broken pipe is the end as well.
  }
  return text.split("\n").flatMap(parseRoot);
}

/** The last line may be cut off; that process still has the mark. */
function parseRoot(line: string): readonly Root[] {
  const [, pid, startedAt] = /^\{"pid":(\d+),"startedAt":"([^"]*)"\}$/.exec(line) ?? [];
  return startedAt === undefined ? [] : [{ pid: Number(pid), startedAt }];
}

/** Nobody seen for a while is nobody left: one who is just being forked or loaded shows no mark yet, for longer on a busy machine. */
async function endAll(tree: LivingTree): Promise<void> {
  const began = Date.now();
  for (let lastSeen = began; Date.now() - lastSeen < quietMilliseconds && Date.now() - began < patienceMilliseconds;) {
    const left = tree.members();
    for (const entry of left) {
      sharedMemory.remember(entry.pid);
      signalProcess(entry, "SIGKILL");
    }
    if (left.length > 0) lastSeen = Date.now();
    await pause(left.length > 0 ? 20 : 50);
  }
  sharedMemory.discard();
}
