import { expect, test } from "vitest";

import { answered, experimentOf } from "./fixture.ts";
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
