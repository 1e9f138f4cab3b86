import { expect, test } from "vitest";

import type { TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { sharedPortReasons } from "./sharedPorts.ts";

const shared = { kind: "portShared", engine: "plain", message: "shares its port 8000 with process 4242 (node other.mjs)" } as const;

test("an engine whose port somebody else had too makes that experiment INVALID, and says who", () => {
  const events = timed(started(0), ended(0), started(1), shared, ended(1), started(2), ended(2));
  expect(sharedPortReasons({ index: 1 }, events)).toEqual([
    {
      state: "INVALID",
      what: "shares its port 8000 with process 4242 (node other.mjs)",
      advice: "any of its requests may have been answered there: end that one, and run it again",
      engine: "plain",
    },
  ]);
  expect([0, 2].flatMap((index) => sharedPortReasons({ index }, events))).toEqual([]);
});

test("of engines that play the same experiments one batch after the other, it is that of the one that was being played", () => {
  const events = timed(started(0), ended(0), started(1), ended(1), started(0), shared, ended(0), started(1), ended(1));
  expect([0, 1].map((index) => sharedPortReasons({ index }, events).length)).toEqual([1, 0]);
});

function started(experiment: number): RunEvent {
  return { kind: "experimentStarted", experiment, title: "", order: "together", engines: ["plain"], requests: 9 };
}

function ended(experiment: number): RunEvent {
  return { kind: "experimentEnded", experiment, took: 5 };
}

/** A second apart. */
function timed(...events: readonly RunEvent[]): readonly TimedEvent[] {
  return events.map((event, second) => ({ at: second * 1e9, event }));
}
