import { spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { alarm, SleepingThread, type Alarm } from "./alarm.ts";
import { kernelAlarm } from "./native.ts";
import { realClock } from "./realClock.ts";

/** The machine's monotonic clock itself. */
const clock = realClock([0, 0]);
const milliseconds = 1e6;

describe.each([
  ["a sleeping thread", true, (ring: () => void) => new SleepingThread(ring)],
  ["the kernel", kernelAlarm(() => {}) !== undefined, alarm],
] as const)("an alarm by %s", (_, isHere, make) => {
  test.runIf(isHere)("rings once for each setting, never early, and within a few milliseconds nearly always", async () => {
    const late: number[] = [];
    let due = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const set = ringing(make, (again) => {
      late.push(clock.now() - due);
      if (late.length === 40) resolve();
      else again((due = clock.now() + 3 * milliseconds));
    });
    set((due = clock.now() + 3 * milliseconds));
    await promise;
    await pause(20);
    expect(late).toHaveLength(40);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(late.toSorted((a, b) => a - b)[30]).toBeLessThan(10 * milliseconds);
  });

  test.runIf(isHere)("keeps to the last setting, earlier or later than the one before, and rings at once for what is past", async () => {
    const rings: number[] = [];
    const set = ringing(make, () => rings.push(clock.now()));
    const start = clock.now();
    set(start + 1_000 * milliseconds);
    set(start + 20 * milliseconds);
    await expect.poll(() => rings.length).toBe(1);
    set(clock.now() + 300 * milliseconds); // later than a busy machine comes to the next line
    set(clock.now() + 5_000 * milliseconds);
    await pause(400);
    expect(rings).toHaveLength(1);
    expect(rings[0]).toBeGreaterThanOrEqual(start + 20 * milliseconds);
    set(0);
    await expect.poll(() => rings.length).toBe(2);
  });
});

const byKernel = kernelAlarm(() => {}) !== undefined;
const source = JSON.stringify(new URL("alarm.ts", import.meta.url).href);

/** In a process of its own. */
function run(program: string) {
  const whole = `
    const { readdirSync, readlinkSync } = require("node:fs");
    const { Worker } = require("node:worker_threads");
    const now = () => Number(process.hrtime.bigint());
    import(${source}).then(async ({ alarm, SleepingThread }) => { ${program} });`;
  return spawnSync(process.execPath, ["-e", whole], { encoding: "utf8", timeout: 20_000, killSignal: "SIGKILL" });
}

test.each(["alarm", "new SleepingThread"])("%s rings where something else keeps the process alive, and keeps none alive itself", (made) => {
  const { status, stdout } = run(`
    const rung = setTimeout(() => {}, 10_000);
    const set = (time) => made.set(time);
    const made = ${made}(() => { clearTimeout(rung); set(now() + 60e9); console.log("rang"); });
    set(now() + 1e6);`);
  expect([status, stdout]).toEqual([0, "rang\n"]);
});

test.each(["alarm", "new SleepingThread"])("what is thrown as %s rings ends the process, and is told", (made) => {
  const { status, stderr } = run(`
    ${made}(() => { throw new RangeError("rang"); }).set(now() + 1e6);
    setTimeout(() => {}, 10_000);`);
  expect([status, stderr]).toEqual([1, expect.stringContaining("RangeError: rang")]);
});

test.runIf(byKernel)("a thread that ends, also as it rings again and again, takes its alarm with it: no file is left open", () => {
  const { status, stdout, stderr } = run(`
    const timers = () => readdirSync("/proc/self/fd").filter((file) => {
      try { return readlinkSync("/proc/self/fd/" + file).includes("timerfd"); } catch { return false; }
    }).length;
    const before = timers();
    const code = \`import(${source}).then(({ alarm }) => {
      const again = alarm(() => again.set(0));
      again.set(0);
      setTimeout(() => process.exit(), 50);
    });\`;
    const ended = Array.from({ length: 8 }, () => new Promise((resolve) => new Worker(code, { eval: true }).once("exit", resolve)));
    console.log(JSON.stringify([await Promise.all(ended), timers() - before]));`);
  expect([status, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toEqual([[0, 0, 0, 0, 0, 0, 0, 0], 0]);
});

function ringing(make: (ring: () => void) => Alarm, ring: (set: (time: number) => void) => void): (time: number) => void {
  const made: Alarm = make(() => ring((time) => made.set(time)));
  return (time) => made.set(time);
}
