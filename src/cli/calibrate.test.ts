import { expect, test } from "vitest";

import type { Played } from "../run/calibrate.ts";
import { highestWithin } from "./calibrate.ts";

const never = new AbortController().signal;

/** Of a machine that stamps so many streams well; and beyond so many plays something else than it was asked for. */
function machine(kept: number, played = Infinity): { readonly tried: number[]; readonly at: (streams: number) => Promise<Played> } {
  const tried: number[] = [];
  const at = async (streams: number): Promise<Played> => {
    tried.push(streams);
    const off = streams > kept ? 0.01 : 0.0001;
    const stamp = { count: 700, p50: off, p99: off, max: off };
    return { error: { stamp }, asked: streams, whole: Math.min(streams, played), stretch: 1 };
  };
  return { tried, at };
}

async function highest(kept: number, { from = 64, played = Infinity } = {}) {
  const { tried, at } = machine(kept, played);
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

test("more than 4,096 are not tried", async () => {
  expect((await highest(1e9)).streams).toBe(4_096);
});

test("streams whose replies do not come are not said to be stamped well, and they are why there are no more", async () => {
  const { streams = 0, limitedBy } = await highest(1e9, { from: 4_096, played: 25 });
  expect(streams).toBeLessThanOrEqual(25);
  expect(streams).toBeGreaterThan(16);
  expect(limitedBy).toBe("replies");
});
