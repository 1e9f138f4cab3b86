import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test } from "vitest";

import { commandLine, processTable } from "../host/processTable.ts";
import { bench, isAlive, until } from "./fixture.ts";

const kills = Number(process.env["TANDEM_KILLS"] ?? 10);

/** Counted from its first child: until both engines have been up for a while. */
const longestLife = 600;

test.runIf(process.platform === "linux")(
  `of ${kills} harnesses killed with SIGKILL at random moments none leaves a process behind`,
  async () => {
    const ends: End[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const end = await endHarness(((kill + Math.random()) / kills) * longestLife, (pid) => process.kill(pid, "SIGKILL"));
      expect(end.left, `killed ${end.after} ms after its first child`).toEqual([]);
      ends.push(end);
    }
    if (process.env["TANDEM_KILLS"] !== undefined) console.table(ends);
    expect(ends.filter(({ seen }) => seen > 0).length).toBeGreaterThan(kills / 3); // else there was nothing to leave behind
    await until(() => !ends.some(({ watchdog }) => isAlive(watchdog)), 10);
    // Single ones may meet a machine that stands still.
    expect(ends.map(({ took }) => took).sort((a, b) => a - b)[Math.floor(kills / 2)]).toBeLessThan(2_000);
  },
  20_000 + kills * 15_000,
);

test.runIf(process.platform === "linux")(
  "a terminal's Ctrl-C that ends the whole group of a harness leaves nobody behind either",
  async () => {
    const end = await endHarness(longestLife, (pid) => process.kill(-pid, "SIGINT"));
    expect(end.seen).toBeGreaterThan(0);
    expect(end.left).toEqual([]);
  },
);

interface End {
  readonly after: number;
  /** Engines and their workers, at the kill. */
  readonly seen: number;
  /** Of those, a good while later. */
  readonly left: readonly string[];
  readonly watchdog: number;
  readonly took: number;
}

/** Runs a harness that launches two engines with workers, in a group of its own as a shell would, and ends it. */
async function endHarness(after: number, kill: (pid: number) => void): Promise<End> {
  using at = bench();
  writeFileSync(at.file("harness.ts"), harnessIn(at.directory));
  const harness = spawn(process.execPath, [at.file("harness.ts")], { stdio: "ignore", detached: true });
  const pid = harness.pid ?? 0;
  const watchdog = await firstChild(pid);
  await pause(after);
  const seen = namedHere(at.directory).length - 1;
  kill(pid);
  const from = performance.now();
  await until(() => namedHere(at.directory).length === 0, 10).catch(() => {});
  const took = performance.now() - from;
  return { after, seen, took, left: namedHere(at.directory), watchdog };
}

async function firstChild(pid: number): Promise<number> {
  const child = () => processTable().find(({ parent }) => parent === pid)?.pid;
  await until(() => child() !== undefined, 10);
  return child() ?? 0;
}

/** Everybody alive whose command line names the directory: no mark of ours is needed to find them. */
function namedHere(directory: string): readonly string[] {
  return processTable().flatMap(({ pid }) => {
    const command = commandLine(pid);
    return command?.includes(directory) === true && isAlive(pid) ? [`${pid} ${command}`] : [];
  });
}

function harnessIn(directory: string): string {
  const source = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  return `
    import { thisMachine } from ${source("../host/thisMachine.ts")};
    import { realClock } from ${source("../host/realClock.ts")};
    import { processLauncher } from ${source("./process.ts")};
    const place = thisMachine();
    const launch = async (name: string) => processLauncher(place).launch({
      name,
      engine: {
        kind: "stand-in", model: "tiny", simulated: false, gpus: 0, gpuShare: 0, features: [], configFiles: [],
        wire: { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
        launch: {
          kind: "process", missing: "", ready: { path: "/health", within: 20 },
          command: ({ port }) => ({ program: "node", args: [${JSON.stringify(`${directory}/leavesWorkers.mjs`)}, String(port)], env: {} }),
        },
      },
      slot: { port: await place.freePort(), gpus: [], directory: ${JSON.stringify(directory)} + "/" + name },
      world: { configFiles: {} }, logDirectory: ${JSON.stringify(directory)} + "/" + name, clock: realClock(),
      tell: () => {}, signal: new AbortController().signal,
    });
    await Promise.all(["one", "other"].map(launch));
    setInterval(() => {}, 1000);`;
}
