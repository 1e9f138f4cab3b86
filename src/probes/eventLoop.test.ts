import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Reading } from "../model/record.ts";
import { eventLoop } from "./eventLoop.ts";

const clock = { now: () => Number(process.hrtime.bigint()) };

/** Keeps this thread busy for that long, and says how long it really was. */
function block(milliseconds: number): number {
  const from = performance.now();
  while (performance.now() - from < milliseconds);
  return performance.now() - from;
}

function valuesOf(readings: readonly Reading[], series: string): readonly number[] {
  return readings.filter((reading) => reading.series === series).map(({ value }) => value);
}

test("a thread that was blocked for 80 ms is seen to have been late by that, up to a tick of 20 ms less, and not by more than it was", async () => {
  const readings: Reading[] = [];
  const probe = eventLoop(clock, 3);
  expect(await probe.start((reading) => readings.push(reading))).toBe(true);
  expect(readings.map(({ series, of }) => [series, of])).toEqual([["rss-bytes", "harness/3"]]); // the first, at once
  const began = performance.now();
  await pause(100);
  const blocked = block(80) / 1e3;
  await pause(1_200);
  const slack = (performance.now() - began - 1_300) / 1e3 - blocked; // how late this machine was besides
  await probe.stop();

  const [longest = 0] = valuesOf(readings, "event-loop-delay-max-seconds");
  expect(longest).toBeGreaterThan(0.058);
  expect(longest).toBeLessThan(blocked + slack + 0.1);
  expect(valuesOf(readings, "event-loop-delay-seconds")[0]).toBeLessThanOrEqual(longest);
  expect(valuesOf(readings, "rss-bytes").every((bytes) => bytes > 20e6)).toBe(true);
});

test("a thread that stood still while its second ended is seen to have, and so is one that did as it began", async () => {
  for (const before of [900, 5]) {
    const readings: Reading[] = [];
    const probe = eventLoop(clock, 3);
    await probe.start((reading) => readings.push(reading));
    await pause(before);
    block(400);
    await pause(before === 5 ? 800 : 5);
    await probe.stop();
    expect(Math.max(...valuesOf(readings, "event-loop-delay-max-seconds"))).toBeGreaterThan(0.34);
  }
});

test("a thread that stood still twice in a second did so for as long as both took, and shorter delays are not among them", async () => {
  const readings: Reading[] = [];
  const probe = eventLoop(clock, 3);
  await probe.start((reading) => readings.push(reading));
  const began = performance.now();
  for (const milliseconds of [150, 60, 150]) {
    await pause(50);
    block(milliseconds);
  }
  await pause(100);
  await probe.stop();
  const stalled = valuesOf(readings, "event-loop-stalled-seconds").reduce((sum, value) => sum + value, 0);
  expect(stalled).toBeGreaterThan(2 * 0.128);
  expect(stalled).toBeLessThan((performance.now() - began) / 1e3 - 0.2);
});

test("the CPU share is the CPU time it took by the time that passed", async () => {
  const readings: Reading[] = [];
  const probe = eventLoop(clock, 3);
  await probe.start((reading) => readings.push(reading));
  const from = { cpu: process.threadCpuUsage(), at: performance.now() };
  while (valuesOf(readings, "cpu-share").length === 0) {
    block(20);
    await pause(10);
  }
  const { user, system } = process.threadCpuUsage(from.cpu);
  await probe.stop();
  const share = (user + system) / 1e3 / (performance.now() - from.at);
  expect(Math.abs((valuesOf(readings, "cpu-share")[0] ?? 0) - share)).toBeLessThan(0.1);
});

test("after stop nothing more is read", async () => {
  const readings: Reading[] = [];
  const probe = eventLoop(clock, 3);
  await probe.start((reading) => readings.push(reading));
  await probe.stop();
  await pause(1_100);
  expect(readings).toHaveLength(1);
});
