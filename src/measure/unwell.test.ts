import { describe, expect, test } from "vitest";

import type { LimitChanges } from "../model/limits.ts";
import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { answered, chunksAt, experimentOf } from "./fixture.ts";
import { unwellReasons } from "./unwell.ts";

const unwell = { kind: "unwell", name: "plain", engines: ["plain"], message: "/health answers 503", lasted: 3.1 } as const;
const wellAgain = { kind: "wellAgain", name: "plain", engines: ["plain"], lasted: 12.1 } as const;

test("an engine that was unwell until it was well again degrades the run, for so long", () => {
  expect(reasons([at(20, unwell), at(29, wellAgain)])).toMatchObject([
    {
      state: "DEGRADED",
      what: "was unwell for 12 s while it was measured: /health answers 503",
      advice: "see why in its log; whatever was asked then was answered late or not at all, so measure again when it is well",
      engine: "plain",
    },
  ]);
});

test.each([
  ["did not become well again", []],
  ["became well again when the experiment was over", [at(140, wellAgain)]],
  ["was unwell once more in a later experiment", [at(200, unwell), at(300, { ...wellAgain, lasted: 103.1 })]],
] as const)("one that %s was unwell until the end", (_name, later) => {
  expect(reasons([at(20, unwell), ...later])[0]?.what).toContain("unwell for 83 s");
});

test("one that was well again, or whose experiment was over, before it died was unwell all the same", () => {
  const died = { kind: "died", engine: "plain", message: "plain exited" } as const;
  expect(reasons([at(20, unwell), at(29, wellAgain), at(90, died)])[0]?.what).toContain("unwell for 12 s");
  const ended = { kind: "experimentEnded", experiment: 0, took: 90 } as const;
  expect(reasons([at(20, unwell), at(29, wellAgain), at(100, ended), at(500, died)])[0]?.what).toContain("unwell for 12 s");
  expect(reasons([at(90, unwell), at(100, ended), at(500, died)])[0]?.what).toContain("unwell for 13 s");
});

test("of experiments that engines play one batch after the other, only the one that was being played is concerned", () => {
  const ended = (experiment: number) => ({ kind: "experimentEnded", experiment, took: 1 }) as const;
  expect(reasons([at(20, ended(0)), at(30, unwell), at(39, ended(1)), at(100, ended(0))])).toEqual([]);
  expect(reasons([at(12, unwell), at(20, ended(0)), at(39, ended(1)), at(100, ended(0))])[0]?.what).toContain("unwell for 11 s");
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
  ["when it had died, which is the reason", [at(20, { kind: "died", engine: "plain", message: "plain exited" }), at(23, unwell)], {}],
  ["where the experiment does not mind", [at(20, unwell)], { unwell: false }],
] as const)("one that was unwell %s is no reason", (_name, events, limits) => {
  expect(reasons(events, limits)).toEqual([]);
});

describe("one that was silent for 5 s, but not to its requests, of which something came in every second,", () => {
  const silent = [at(24, { ...unwell, message: "does not answer /v1/models within 2 s", lasted: 4 }), at(25, { ...wellAgain, lasted: 5 })];
  const talking = answered("plain", [0.5], { tokenEvery: 0.9 }); // events 0.5, 1.4 and 2.3 s after it was sent
  const each = (seconds: readonly Seconds[]) => seconds.flatMap((second) => talking.map((one) => later(one, second)));

  test("is no reason", () => {
    expect(reasons(silent, {}, each([9, 12]))).toEqual([]);
  });

  test("but it is where one second had nothing, or a request failed", () => {
    expect(reasons(silent, {}, each([9]))).toHaveLength(1);
    const lost = each([10]).map((one) => ({ ...one, outcome: failed("disconnected", "") }));
    expect(reasons(silent, {}, [...each([9, 12]), ...lost])).toHaveLength(1);
  });

  test("and so is a service that its requests may do without", () => {
    const service = silent.map(({ at: when, event }) => ({ at: when, event: { ...event, name: "kv.redis" } as RunEvent }));
    expect(reasons(service, {}, each([9, 12]))).toHaveLength(1);
  });
});

function later(one: RequestRecord, seconds: Seconds): RequestRecord {
  const by = seconds * 1e9;
  const { sent = 0, ended = 0, chunks } = one;
  return { ...one, sent: sent + by, ended: ended + by, chunks: chunksAt(chunks, (moments) => moments.map((time) => time + by)) };
}

function at(seconds: Seconds, event: RunEvent): TimedEvent {
  return { at: seconds * 1e9, event };
}

/** Of an experiment that goes from 10 s to 100 s. */
function reasons(events: readonly TimedEvent[], limits: LimitChanges = {}, records = answered("plain", [0.5])) {
  const { description, ...result } = experimentOf(records);
  const started: RunEvent = { kind: "experimentStarted", experiment: 0, title: "", order: "together", engines: ["plain"], requests: 9 };
  return unwellReasons({ ...result, description: { ...description, limits }, span: { from: 10e9, to: 100e9 } }, [
    at(10, started),
    ...events,
  ]);
}
