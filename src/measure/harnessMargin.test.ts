import { expect, test } from "vitest";

import { answered, experimentOf, record } from "./fixture.ts";
import { harnessMargin } from "./harnessMargin.ts";
import { rulerReadings, type RulerError } from "./rulerError.ts";
import { engineSummary } from "./summary.ts";

/** Of an engine with a TTFT of 100 ms and 20 ms from its first token to its last. */
function marginOf(error: RulerError) {
  const records = answered("plain", Array<number>(12).fill(0.1));
  const readings = rulerReadings("control stream", error).map((reading) => ({ ...reading, at: 0 }));
  return harnessMargin(experimentOf(records, readings), [engineSummary("plain", records)]);
}

test("an error is a share of the shortest time that was measured, and throughput lies between two stamps", () => {
  const margin = marginOf({ ttft: { count: 700, p50: 0, p99: 0.01, max: 1 }, stamp: { count: 700, p50: 0, p99: 0.001, max: 1 } });
  expect(margin.ttft).toBeCloseTo(0.1, 9);
  expect(margin.throughput).toBeCloseTo(0.1, 9);
});

test("a first token is stamped as any other: its few errors are not taken for smaller than those of the many", () => {
  const margin = marginOf({ ttft: { count: 25, p50: 0, max: 0.0006 }, stamp: { count: 500, p50: 0, p95: 0.001, p98: 0.04, max: 0.09 } });
  expect(margin.ttft).toBeCloseTo(0.4, 9);
});

test("the larger of what was found beside the engines and after them counts, against the shortest time of any cache state", () => {
  const [small, large] = [0.001, 0.002].map((p99): RulerError => {
    const size = { count: 700, p50: 0, p99, max: 1 };
    return { ttft: { ...size, p99: 5 * p99 }, stamp: size };
  });
  // A reply of one token has no time after its first one.
  const records = [
    ...answered("plain", [0.4, 0.4], { tokenEvery: 0.1 }),
    ...answered("plain", [0.1], { cache: "warm" }),
    record([[0.3]], { cache: "partial" }),
  ];
  for (const [beside, after] of [
    [small, large],
    [large, small],
  ]) {
    const found = [rulerReadings("control stream", beside ?? {}), rulerReadings("replay after", after ?? {})].flat();
    const experiment = experimentOf(
      records,
      found.map((reading) => ({ ...reading, at: 0 })),
    );
    const margin = harnessMargin(experiment, [engineSummary("plain", records)]);
    expect([margin.ttft, margin.throughput].map((share) => share?.toFixed(9))).toEqual(["0.100000000", "0.200000000"]);
  }
});
