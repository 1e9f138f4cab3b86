import { expect, test } from "vitest";

import type { LimitChanges } from "../model/limits.ts";
import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import { engineReasons } from "./engineReasons.ts";
import { answered, experimentOf, record } from "./fixture.ts";
import { limitsOf } from "./validityLimits.ts";

const ten = Array<number>(10).fill(0.5);

function found(records: readonly RequestRecord[], limits: LimitChanges = {}) {
  const engines = [...new Set(records.map(({ engine }) => engine))];
  return engineReasons(records, engines, limitsOf({ ...experimentOf(records).description, limits }));
}

/** One every 1.98 s where nothing else is said, answered one after the other. */
const queued = (length: number, service: number, gap = 1.98) =>
  Array.from({ length }, (_, request) => record([[service * (request + 1)]], { request, due: gap * request }));

test("where saturation is meant, an engine that falls behind is no reason, nor that it becomes slower", () => {
  const saturated = queued(100, 1.9, 1.4);
  expect(found(saturated).map(({ exceeded }) => exceeded?.name)).toEqual(["saturation"]);
  expect(found(saturated, { saturation: false })).toEqual([]);
  expect(found(queued(100, 2), { saturation: false, drift: { degraded: 0.1 } })).toMatchObject([{ exceeded: { name: "drift" } }]);
});

test("an engine that falls behind by 1 % is within the usual limit of saturation, and beyond one of half a percent", () => {
  expect(found(queued(60, 2))).toEqual([]);
  expect(found(queued(60, 2), { saturation: { degraded: 0.005 } })).toMatchObject([{ state: "DEGRADED", exceeded: { limit: 0.005 } }]);
  expect(found(queued(60, 2), { saturation: { invalid: 0.005 } })).toMatchObject([{ state: "INVALID", exceeded: { limit: 0.005 } }]);
});

test("an engine that became faster when requests came faster did not by its schedule", () => {
  const due = (request: number) => (request < 30 ? 4 * request : 120 + 2 * (request - 30));
  const ramp = Array.from({ length: 60 }, (_, request) =>
    record([[due(request) + (request < 30 ? 1 : 0.5)]], { due: due(request), request }),
  );
  expect(found(ramp)).toMatchObject([{ what: expect.stringContaining("became faster"), advice: expect.not.stringContaining("schedule") }]);
});

test("a connection that was opened for a request that failed is in no TTFT", () => {
  const opened = answered("plain", ten).map((one) => (one.request < 2 ? { ...one, opened: (one.sent ?? 0) + 0.4e9 } : one));
  expect(found(opened)).toMatchObject([{ exceeded: { name: "opening", value: 0.16 } }]);
  expect(found(opened.map((one) => (one.request < 2 ? { ...one, outcome: failed("empty", "") } : one)))).toEqual([]);
});

test("a request of another block is another request, with a length of its own", () => {
  const blocks = (engine: string) => [0, 1].flatMap((block) => answered(engine, ten, { block, promptTokens: 110 + block }));
  expect(found([...blocks("plain"), ...blocks("cached")])).toEqual([]);
});
