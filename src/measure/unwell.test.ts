import { expect, test } from "vitest";
import type { LimitChanges } from "../model/limits.ts";
import type { TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { answered, experimentOf } from "./fixture.ts";
import { unwellReasons } from "./unwell.ts";

const unwell = { kind: "unwell", name: "plain", engines: ["plain"], message: "/health answers 503", lasted: 3.1 } as const;

test("an engine that was unwell until it was well again degrades the run, for so long", () => {
  expect(reasons([at(20, unwell), at(29, { kind: "wellAgain", name: "plain", engines: ["plain"], lasted: 12.1 })])).toEqual([
    {
      state: "DEGRADED",
      what: "was unwell for 12 s while it was measured: /health answers 503",
      advice: "see why in its log; whatever was asked then was answered late or not at all, so measure again when it is well",
      engine: "plain",
    },
  ]);
});

test("one that did not become well again was unwell until the end", () => {
  expect(reasons([at(20, unwell)])[0]?.what).toContain("unwell for 83 s");
});

test("a service concerns every engine that needs it", () => {
  const service = { ...unwell, name: "kv.redis", engines: ["plain", "cached"], message: "takes no connection" } as const;
  expect(reasons([at(20, service)]).map(({ engine, what }) => [engine, what.slice(0, 36)])).toEqual([
    ["plain", "kv.redis, which it needs, was unwell"],
    ["cached", "kv.redis, which it needs, was unwell"],
  ]);
});

test.each([
  ["in another experiment", [at(5, unwell)], {}],
  ["that then died, which is the reason", [at(20, unwell), at(30, { kind: "died", engine: "plain", message: "plain exited" })], {}],
  ["where the experiment does not mind", [at(20, unwell)], { unwell: false }],
] as const)("one that was unwell %s is no reason", (_name, events, limits) => {
  expect(reasons(events, limits)).toEqual([]);
});

function at(seconds: Seconds, event: RunEvent): TimedEvent {
  return { at: seconds * 1e9, event };
}

/** Of an experiment that goes from 10 s to 100 s. */
function reasons(events: readonly TimedEvent[], limits: LimitChanges = {}) {
  const { description, ...result } = experimentOf(answered("plain", [0.5]));
  return unwellReasons({ ...result, description: { ...description, limits }, span: { from: 10e9, to: 100e9 } }, events);
}
