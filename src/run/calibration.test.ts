import { expect, test } from "vitest";

import { streamsWithin } from "./calibration.ts";

test("as many streams as are within the bound are found by halving, and none where not even a few are", async () => {
  const tried: number[] = [];
  const upTo = (limit: number) => async (streams: number) => {
    tried.push(streams);
    return streams <= limit ? 0.0004 : 0.003;
  };
  expect(await streamsWithin(0.001, 2_000, 0.0009, upTo(2_000))).toBe(2_000);
  expect(tried).toEqual([]); // the first error was known
  expect(await streamsWithin(0.001, 2_000, 0.003, upTo(600))).toBe(500);
  expect(tried).toEqual([1_000, 500]);
  expect(await streamsWithin(0.001, 100, 0.003, upTo(0))).toBe(0);
  expect(await streamsWithin(0.001, 100, undefined, upTo(100))).toBe(50);
});
