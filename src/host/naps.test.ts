import { expect, test, vi } from "vitest";

import { areStopped, napNowAndThen } from "./naps.ts";

/** Share of a core that this thread takes while it looks for nothing, turn after turn of its event loop. */
async function shareWhileBusy(milliseconds: number): Promise<number> {
  const [began, before] = [performance.now(), process.threadCpuUsage()];
  while (performance.now() < began + milliseconds) await new Promise(setImmediate);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000 / (performance.now() - began);
}

test("a thread that is busy all the time leaves the kernel no reason to stop it: it sleeps for more than 5 % of it", async () => {
  const naps = napNowAndThen();
  expect(await shareWhileBusy(1_000)).toBeLessThan(0.96); // sleeping for 7 %, as exactly as the system tells
  naps.stop();
});

test("a thread that sleeps by itself takes no nap", async () => {
  const nap = vi.spyOn(Atomics, "wait");
  const naps = napNowAndThen();
  for (let sleep = 0; sleep < 100; sleep++) await new Promise((resolve) => setTimeout(resolve, 4));
  naps.stop();
  expect(nap).not.toHaveBeenCalled();
  nap.mockRestore();
});

test("who shares its core may be stopped, and before Linux 6.12 everybody", () => {
  expect(areStopped(1, 1, "6.18.44-fc-v782")).toBe(true);
  expect(areStopped(2, 2, "7.0.1")).toBe(true);
  expect(areStopped(1, 2, "6.12.0")).toBe(false);
  expect(areStopped(1, 2, "6.8.0-31-generic")).toBe(true);
  expect(areStopped(1, 64, "5.15.0-1059-aws")).toBe(true);
});
