import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { Calibrator } from "./calibrate.ts";
import { lanes, spread, sustained } from "./calibrationLoad.ts";
import { LoadCrew } from "./loadCrew.ts";

const never = new AbortController().signal;

test("a calibration holds every token of its load against what the engine wrote down", async () => {
  const clock = realClock();
  await using crew = LoadCrew.start(2, clock);
  await using calibrator = await Calibrator.start({ crew, clock, place: thisMachine(), stop: never });
  const { error, ...played } = await calibrator.at({
    timetable: { first: 0.05, gap: 0.01 },
    phase: lanes({ starts: spread(4, 0.1), replies: 4, tokens: 20, promptTokens: 2_000 }),
  });
  expect([error.slip?.count, error.ttft?.count, error.stamp?.count, error.gap?.count]).toEqual([16, 16, 320, 304]);
  expect(played).toMatchObject({ asked: 16, whole: 16 });
  expect(played.stretch).toBeGreaterThan(0.95);
  // Ours less the truth: a mistake in the time base would be seconds, a busy machine is milliseconds.
  expect(error.stamp?.p50).toBeLessThan(0.05);
  expect(error.ttft?.p50).toBeLessThan(0.1);
});

test("at a rate, what the schedule slips by is told of every request of its seconds, and of no other", async () => {
  const clock = realClock();
  await using crew = LoadCrew.start(2, clock);
  await using calibrator = await Calibrator.start({ crew, clock, place: thisMachine(), stop: never });
  const { error } = await calibrator.at(sustained({ streams: 20, perSecond: 100, gap: 0.02, promptTokens: 64, lasts: 2 }));
  const { slip, ttft } = error;
  expect([slip?.count, ttft?.count]).toEqual([200, 220]);
});

test("the stream of control of each load thread goes on until it is told to stop", async () => {
  const clock = realClock();
  const until = new AbortController();
  await using crew = LoadCrew.start(2, clock);
  await using calibrator = await Calibrator.start({ crew, clock, place: thisMachine(), stop: never });
  setTimeout(() => until.abort(), 4_000);
  const errors = await calibrator.beside(until.signal);
  // Nine replies of 0.43 s on each; of one thread alone there would be no more than ten.
  expect(errors.ttft.length).toBeGreaterThanOrEqual(11);
  expect(errors.stamp.length).toBeGreaterThanOrEqual(200);
});

test("a calibration that is interrupted ends at once, with nothing: threads that still rehearse are not waited for", async () => {
  const clock = realClock();
  const stop = new AbortController();
  await using crew = LoadCrew.start(4, clock);
  const long = {
    timetable: { first: 0.05, gap: 0.02 },
    phase: lanes({ starts: spread(500, 20), replies: 40, tokens: 20, promptTokens: 512 }),
  };
  let areReady = false;
  void crew.ready().then(() => (areReady = true));
  setTimeout(() => stop.abort(), 100);
  await using calibrator = await Calibrator.start({ crew, clock, place: thisMachine(), stop: stop.signal });
  expect((await calibrator.at(long)).error).toEqual({});
  expect(areReady).toBe(false);
});
