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

function ringing(make: (ring: () => void) => Alarm, ring: (set: (time: number) => void) => void): (time: number) => void {
  const made: Alarm = make(() => ring((time) => made.set(time)));
  return (time) => made.set(time);
}
