import { expect, test } from "vitest";

import { shapeOf } from "./calibrate.ts";
import { streamsWithin } from "./calibration.ts";

test("as many streams as are within the bound are found by halving twice, or that not even those are", async () => {
  const tried: number[] = [];
  const upTo = (limit: number) => async (streams: number) => {
    tried.push(streams);
    return streams <= limit ? 0.0004 : 0.003;
  };
  expect(await streamsWithin(0.001, 2_000, 0.0009, upTo(2_000))).toEqual({ streams: 2_000, isKept: true });
  expect(tried).toEqual([]); // the first error was known
  expect(await streamsWithin(0.001, 2_000, 0.003, upTo(600))).toEqual({ streams: 500, isKept: true });
  expect(tried).toEqual([1_000, 500]);
  expect(await streamsWithin(0.001, 2_000, 0.003, upTo(0))).toEqual({ streams: 500, isKept: false });
  expect(await streamsWithin(0.001, 100, undefined, upTo(100))).toEqual({ streams: 50, isKept: true });
});

test("a check has tokens enough for a p99, by more streams where few ones would take too long", () => {
  expect(shapeOf(64, 0.02, 2)).toEqual({ streams: 64, replies: 4 });
  for (const gap of [0.002, 0.02, 0.2, 2]) {
    const { streams, replies } = shapeOf(1, gap, 2);
    expect(streams * replies * 19).toBeGreaterThanOrEqual(662); // gaps of replies of 20 tokens
    expect(replies === 1 || replies * 20 * gap <= 3).toBe(true);
  }
});
