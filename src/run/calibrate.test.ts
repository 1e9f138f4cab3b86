import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { calibrate, control, controlTimetable } from "./calibrate.ts";
import { startGroundTruth } from "./groundTruth.ts";
import { LoadCrew } from "./loadCrew.ts";

const never = new AbortController().signal;

test("a calibration holds every token of its load against what the engine wrote down", async () => {
  const load = { streams: 4, gap: 0.01, promptTokens: 2_000, ramp: 0.1, lasts: 1 };
  const clock = realClock();
  await using crew = LoadCrew.start(2, clock);
  const error = await calibrate(load, { crew, clock, place: thisMachine(), stop: never });
  // 0.05 s to the first of 20 tokens, 0.01 s each: four replies a stream in a second.
  expect([error.slip?.count, error.ttft?.count, error.stamp?.count, error.gap?.count]).toEqual([16, 16, 320, 304]);
  // Ours less the truth: a mistake in the time base would be seconds, a busy machine is milliseconds.
  expect(error.stamp?.p50).toBeLessThan(0.05);
  expect(error.ttft?.p50).toBeLessThan(0.1);
});

test("the stream of control goes on until it is told to stop, and its engine ends with it", async () => {
  const clock = realClock();
  const until = new AbortController();
  await using crew = LoadCrew.start(1, clock);
  const truth = await startGroundTruth(controlTimetable, clock, thisMachine());
  await crew.ready();
  const controlled = control(truth, crew, until.signal);
  setTimeout(() => until.abort(), 2_500);
  const error = await controlled;
  await truth[Symbol.asyncDispose]();
  expect(error.ttft?.count).toBeGreaterThanOrEqual(2);
  expect(error.stamp?.count).toBeGreaterThanOrEqual(40);
});
