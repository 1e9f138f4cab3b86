import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { tokensPerSecond, type ObservedLoad } from "../measure/observedLoad.ts";
import { isAlike } from "../measure/replayedLoad.ts";
import { Calibrator } from "./calibrate.ts";
import { LoadCrew } from "./loadCrew.ts";
import { kindOf, lengthOfReplay, replayLoad, replayOf } from "./replay.ts";

const observed = { streams: 64, first: 0.1, tokens: 128, gap: 0.02, promptTokens: 512, atOnce: 1, perSecond: 20 };

const loads: Readonly<Record<string, ObservedLoad>> = {
  "64 streams": observed,
  "a single stream": { ...observed, streams: 1, perSecond: 1 },
  "a gap of 2 s": { ...observed, streams: 4, first: 3, gap: 2 },
  "replies of one token": { ...observed, tokens: 1, gap: 0 },
  "replies of one token as fast as can be": { ...observed, first: 0.001, tokens: 1, gap: 0, perSecond: 10_000 },
  "a thousand at once": { ...observed, streams: 1_000, atOnce: 1_000, perSecond: 1_000 },
  "a thousand that wait for 30 s": { ...observed, streams: 1_000, first: 30 },
  "five thousand": { ...observed, streams: 5_000 },
};

test.each(Object.entries(loads))("%s: first tokens and tokens enough for a p99, within 5 s", (_, load) => {
  const replay = replayOf(load);
  const firsts = replay.streams * replay.replies;
  expect(firsts).toBeGreaterThanOrEqual(662);
  expect(firsts * replay.tokens).toBeGreaterThanOrEqual(662);
  expect(replay.tokens === 1).toBe(load.tokens === 1);
  expect(lengthOfReplay(replay)).toBeLessThanOrEqual(5);
});

test("as many streams send as many tokens a second, with the gaps they had", () => {
  for (const load of [observed, { ...observed, streams: 300 }, { ...observed, streams: 1_000, tokens: 60 }]) {
    const replay = replayOf(load);
    expect([replay.streams, isAlike(tokensPerSecond(replay), tokensPerSecond(load)), isAlike(replay.gap, load.gap)]).toEqual([
      load.streams,
      true,
      true,
    ]);
  }
});

test("prompts so long that the values of a p99 are too many bytes are fewer, and the first tokens then carry less", () => {
  const replay = replayOf({ ...observed, streams: 2, promptTokens: 100_000 });
  expect(replay.streams * replay.replies * replay.promptTokens).toBeLessThanOrEqual(10_000_000);
  expect(replay.streams * replay.replies).toBeLessThan(130);
  expect(replay.streams * replay.replies * replay.tokens).toBeGreaterThanOrEqual(662);
});

test("of more streams than the ground-truth engine can be asked for, so many are played, and no more begin at once", () => {
  const [streams, atOnce] = [5_000, 4_000];
  expect(replayOf({ ...observed, streams, atOnce })).toMatchObject({ streams: 2_000, atOnce: 2_000, ramp: 0 });
});

test("streams that began at once begin at once again, the others as fast as they did", () => {
  const starts = (load: ObservedLoad) => replayLoad(replayOf(load)).phase.flatMap(({ due }) => (due === undefined ? [] : [due]));
  expect(starts({ ...observed, atOnce: 64 })).toEqual(Array.from({ length: 64 }, () => 0));
  const [first, second, ...rest] = starts({ ...observed, atOnce: 2, perSecond: 1_000 });
  expect([first, second, rest[0], rest.at(-1)]).toEqual([0, 0, 0.001, 0.062]);
  // One request a second, with replies of more than a minute: nobody waits for that.
  expect(starts({ ...observed, perSecond: 1 }).at(-1)).toBe(0.5);
});

test("one load is played for another only where they are alike: of replies of one token, those that come as fast", () => {
  const kinds = (...loads: readonly Partial<ObservedLoad>[]) =>
    new Set(loads.map((load) => kindOf(replayOf({ ...observed, ...load })))).size;
  const one = { tokens: 1, gap: 0 };
  expect(kinds({}, { streams: 65, first: 0.101, perSecond: 20.1 })).toBe(1);
  expect(kinds({ ...one, first: 0.01 }, { ...one, first: 0.1 }, { ...one, first: 1 })).toBe(3);
  expect(kinds({}, { streams: 128 }, { gap: 0.1 }, { promptTokens: 1_024 }, { atOnce: 64 }, { perSecond: 1_000 })).toBe(6);
});

test("replies of one token are replayed, and the errors of their first tokens found", async () => {
  const clock = realClock();
  await using crew = LoadCrew.start(1, clock);
  const { signal: stop } = new AbortController();
  await using calibrator = await Calibrator.start({ crew, clock, place: thisMachine(), stop });
  const { error } = await calibrator.at(replayLoad(replayOf({ ...observed, streams: 2, first: 0.3, tokens: 1, gap: 0 })));
  const { ttft, stamp, gap } = error;
  expect([ttft?.count, stamp?.count, gap]).toEqual([704, 704, undefined]);
});
