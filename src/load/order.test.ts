import { expect, test } from "vitest";

import type { Request } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";
import { interleaved, inTurn, together, type Phase } from "./order.ts";
import { plainRequest } from "./testServer.ts";

const arrivals: readonly Request["arrival"][] = [
  { kind: "at", offset: 0 },
  { kind: "at", offset: 8 },
  { kind: "after", request: 0, pause: 1 },
  { kind: "at", offset: 12 },
];
const workload: Workload = { kind: "test", options: {}, seed: 1, requests: arrivals.map((arrival, id) => plainRequest({ id, arrival })) };

/** "B1@8": request 1 on engine b of an even block, due at 8 s; odd blocks are written small. */
function written(phases: readonly Phase[]): readonly string[] {
  return phases.map((phase) =>
    phase
      .map(
        ({ engine, block, request, due }) =>
          `${block % 2 === 0 ? engine.toUpperCase() : engine}${request.id}${due === undefined ? "" : `@${due}`}`,
      )
      .join(" "),
  );
}

test("together: each request on every engine at its time, the first engine taking turns", () => {
  expect(written(together(["a", "b"], workload, 2))).toEqual([
    "A0@0 B0@0 B1@8 A1@8 A2 B2 B3@12 A3@12",
    "b0@0 a0@0 a1@8 b1@8 b2 a2 a3@12 b3@12",
  ]);
});

test("in turn: every engine alone, backwards in every second block", () => {
  expect(written(inTurn(["a", "b"], workload, 2))).toEqual([
    "A0@0 A1@8 A2 A3@12",
    "B0@0 B1@8 B2 B3@12",
    "b0@0 b1@8 b2 b3@12",
    "a0@0 a1@8 a2 a3@12",
  ]);
});

test("interleaved: ABBA, the engines sharing the time to the next request", () => {
  expect(written(interleaved(["a", "b"], workload, 1))).toEqual(["A0@0 B0@4 B1@8 A1@10 A2 B2 B3@12 A3@15"]);
});

test("interleaved with everything due at once stays at once", () => {
  const atOnce = { ...workload, requests: [0, 1].map((id) => plainRequest({ id })) };
  expect(written(interleaved(["a", "b"], atOnce, 1))).toEqual(["A0@0 B0@0 B1@0 A1@0"]);
  expect(written(interleaved(["a"], { ...workload, requests: [plainRequest()] }, 1))).toEqual(["A0@0"]);
});

test("interleaved shares the time to the request that is due next, however they are numbered", () => {
  const offsets = [6, 0, 4];
  const requests = offsets.map((offset, id) => plainRequest({ id, arrival: { kind: "at", offset } }));
  expect(written(interleaved(["a", "b"], { ...workload, requests }, 1))).toEqual(["A1@0 B1@2 B2@4 A2@5 A0@6 B0@7.5"]);
});
