import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { Calibrator } from "./calibrate.ts";
import { LoadCrew } from "./loadCrew.ts";

const never = new AbortController().signal;

test("a calibration holds every token of its load against what the engine wrote down", async () => {
  const clock = realClock();
  await using crew = LoadCrew.start(2, clock);
  await using calibrator = await Calibrator.start(0.01, { crew, clock, place: thisMachine(), stop: never });
  const error = await calibrator.at({ streams: 4, promptTokens: 2_000, ramp: 0.1, replies: 4 });
  // Replies of 20 tokens.
  expect([error.slip?.count, error.ttft?.count, error.stamp?.count, error.gap?.count]).toEqual([16, 16, 320, 304]);
  // Ours less the truth: a mistake in the time base would be seconds, a busy machine is milliseconds.
  expect(error.stamp?.p50).toBeLessThan(0.05);
  expect(error.ttft?.p50).toBeLessThan(0.1);
});

test("the stream of control goes on until it is told to stop", async () => {
  const clock = realClock();
  const until = new AbortController();
  await using crew = LoadCrew.start(1, clock);
  await using calibrator = await Calibrator.start(0.025, { crew, clock, place: thisMachine(), stop: never });
  setTimeout(() => until.abort(), 2_500);
  const errors = await calibrator.beside(until.signal);
  expect(errors.ttft.length).toBeGreaterThanOrEqual(2);
  expect(errors.stamp.length).toBeGreaterThanOrEqual(40);
});

test("a calibration that is interrupted ends at once, with nothing: threads that still rehearse are not waited for", async () => {
  const clock = realClock();
  const stop = new AbortController();
  await using crew = LoadCrew.start(4, clock);
  let areReady = false;
  void crew.ready().then(() => (areReady = true));
  setTimeout(() => stop.abort(), 100);
  await using calibrator = await Calibrator.start(0.02, { crew, clock, place: thisMachine(), stop: stop.signal });
  expect(await calibrator.at({ streams: 500, promptTokens: 512, ramp: 20, replies: 40 })).toEqual({});
  expect(areReady).toBe(false);
});
