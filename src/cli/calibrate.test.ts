import { expect, test } from "vitest";

import type { Played } from "../run/calibrate.ts";
import { highestWithin } from "./calibrate.ts";

const never = new AbortController().signal;

interface Limits {
  /** So many streams it stamps well. */
  readonly kept: number;
  /** So many replies come to their end. */
  readonly played?: number;
  /** Of so many streams it keeps the pace, of more it takes 1.3 times as long. */
  readonly paced?: number;
}

function machine({ kept, played = Infinity, paced = Infinity }: Limits): {
  readonly tried: number[];
  readonly at: (streams: number) => Promise<Played>;
} {
  const tried: number[] = [];
  const at = async (streams: number): Promise<Played> => {
    tried.push(streams);
    const off = streams > kept ? 0.01 : streams * 1e-7;
    const stamp = { count: 700, p50: off, p99: off, max: off };
    return { error: { stamp }, asked: streams, whole: Math.min(streams, played), stretch: streams > paced ? 1.3 : 1.1 };
  };
  return { tried, at };
}

async function highest(kept: number, { from = 64, ...limits }: { from?: number } & Partial<Limits> = {}) {
  const { tried, at } = machine({ kept, ...limits });
  return { ...(await highestWithin(from, await at(from), at, never)), tried };
}

test.each([0, 1, 2, 3, 4, 5, 6, 7, 24, 63, 64, 100, 1_000, 4_000])(
  "where %d streams are the most, it ends within a third of that",
  async (kept) => {
    const { streams = 0, tried, limitedBy } = await highest(kept);
    expect(streams).toBeLessThanOrEqual(kept);
    expect((streams + 1) * 1.3).toBeGreaterThan(kept);
    expect(new Set(tried).size).toBe(tried.length);
    expect(limitedBy).toBeUndefined();
  },
);

test.each([64, 100, 3_000])("more than 4,096 are not tried, from %d on", async (from) => {
  const { streams, tried } = await highest(1e9, { from });
  expect([streams, Math.max(...tried)]).toEqual([4_096, 4_096]);
});

test("streams whose replies do not come are not said to be stamped well, and they are why there are no more", async () => {
  const { streams = 0, limitedBy } = await highest(1e9, { from: 4_096, played: 25 });
  expect(streams).toBeLessThanOrEqual(25);
  expect(streams).toBeGreaterThan(16);
  expect(limitedBy).toBe("replies");
});

test("streams whose tokens come more than a fifth too slowly are not those that were asked for, and the pace is why there are no more", async () => {
  expect(await highest(1e9, { paced: 128 })).toMatchObject({ streams: 128, limitedBy: "pace" });
  expect((await highest(128, { paced: 128 })).limitedBy).toBeUndefined();
});

test("the error is that of the streams that are told, and of the single one where not even that is stamped well", async () => {
  expect(await highest(24)).toMatchObject({ streams: 24, error: { p99: 24e-7 } });
  expect(await highest(100)).toMatchObject({ streams: 96, error: { p99: 96e-7 } });
  expect(await highest(0)).toMatchObject({ streams: undefined, error: { p99: 0.01 } });
});

test("where it is interrupted nothing more is tried", async () => {
  const { tried, at } = machine({ kept: 1e9 });
  const found = await highestWithin(64, await at(64), at, AbortSignal.abort());
  expect([found.streams, tried]).toEqual([64, [64]]);
});
