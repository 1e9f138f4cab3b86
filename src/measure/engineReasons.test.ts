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

test("where saturation is meant, an engine that falls behind is no reason, nor that it becomes slower", () => {
  const saturated = Array.from({ length: 24 }, (_, request) => record([[1.9 * (request + 1)]], { request, due: 1.4 * request }));
  expect(found(saturated).map(({ exceeded }) => exceeded?.name)).toEqual(["saturation"]);
  expect(found(saturated, { saturation: false })).toEqual([]);
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
