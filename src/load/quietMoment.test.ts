import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { inQuietMoment, shareLate, watchedProcess, type Attempt } from "./quietMoment.ts";

const met: Attempt = { isMet: true, heldUp: 0.3, found: "0.1 ms" };
const refuted: Attempt = { isMet: false, heldUp: 0, found: "2.1 ms" };
const disturbed: Attempt = { isMet: false, heldUp: 0.3, found: "40 ms" };

/** How it went, and after how many attempts. */
async function outcomeOf(attempts: readonly Attempt[], skipsNothing: boolean): Promise<readonly [string, number]> {
  const left = [...attempts];
  let outcome = "passed";
  const skip = (reason?: unknown): never => {
    throw new Error(`skipped: ${String(reason)}`);
  };
  const next = async () => left.shift() ?? met;
  await inQuietMoment({ skip }, next, skipsNothing).catch((error: Error) => (outcome = error.message));
  return [outcome, attempts.length - left.length];
}

test("a claim that is met once is met, one that is not within three attempts has failed where one was quiet", async () => {
  expect(await outcomeOf([disturbed, refuted, met, met], true)).toEqual(["passed", 3]);
  const [outcome, attempts] = await outcomeOf([disturbed, refuted, disturbed, met], false);
  expect(outcome).toMatch(/^not met, .*\n40 ms; held up 30.00 % of the time\n2.1 ms; held up 0.00 % of the time\n/);
  expect(attempts).toBe(3);
});

test("a machine that is never quiet skips a claim with its figures, and where nothing is skipped fails it", async () => {
  const never = [disturbed, disturbed, disturbed];
  expect((await outcomeOf(never, false))[0]).toMatch(/^skipped: this machine was too busy to time anything, 3 times in a row; .*\n40 ms/);
  expect((await outcomeOf(never, true))[0]).toMatch(/^this machine was too busy/);
});

test("a process that is held up for most of a time says so, and of calls the share that came late", async () => {
  const process = watchedProcess(realClock());
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const began = performance.now(); performance.now() - began < 200;);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(process.stop(1e6)).toBeGreaterThan(0.5);
  expect(shareLate([0, 1, 2, 3], 1)).toBe(0.5);
});
