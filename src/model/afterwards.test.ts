import { expect, test } from "vitest";

import { afterwards, untoldAfterwards } from "./afterwards.ts";
import type { RunEvent } from "./runEvent.ts";

test("what became of what a killed harness had started is told in words that hold of its ground-truth engine, too", () => {
  const of = (count: number) => afterwards({ kind: "endedAfterUs", what: "processes", count, after: 0.02 });
  expect([of(0), of(1), of(4)]).toEqual([
    "no processes that the harness had started were left when it was gone",
    "1 process that the harness had started ended 0.0 s after it was gone",
    "4 processes that the harness had started ended 0.0 s after it was gone",
  ]);
});

const calibrating: RunEvent = { kind: "calibrating", lasts: 5, streams: 1 };
const booting: RunEvent = { kind: "booting", engine: "plain", command: "" };

test("as long as that is not told of a run that was cut off, this is said", () => {
  const said = [expect.stringMatching(/^what became of the processes that the harness had started is not told yet/)];
  const untold = (...events: readonly RunEvent[]) => untoldAfterwards({ events: events.map((event) => ({ at: 0, event })) });
  expect([untold(calibrating), untold(booting)]).toEqual([said, said]);
  expect(untold(booting, { kind: "endedAfterUs", what: "processes", count: 1, after: 0 })).toEqual([]);
  expect(untold(booting, { kind: "testEnded", test: "test_quick" })).toEqual([]);
});

test("it is not said of a run that goes on, or has started nothing", () => {
  expect(untoldAfterwards({ events: [{ at: 0, event: booting }], stillRunning: true })).toEqual([]);
  expect(untoldAfterwards({ events: [{ at: 0, event: { kind: "testStarted", test: "", engines: [], experiments: 1 } }] })).toEqual([]);
});
