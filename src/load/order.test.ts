import { expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import { poisson } from "../arrivals/poisson.ts";
import { draws } from "../model/draw.ts";
import type { Request } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";
import { interleaved, inTurn, together } from "./order.ts";
import type { Phase } from "./phase.ts";
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

test("interleaved: each engine has the whole schedule, the second half a mean gap of 6 s later, and the first in every second block", () => {
  expect(written(interleaved(["a", "b"], workload, 2))).toEqual([
    "A0@0 B0@3 A1@8 B1@11 A2 B2 A3@12 B3@15",
    "b0@0 a0@3 b1@8 a1@11 b2 a2 b3@12 a3@15",
  ]);
});

test("interleaved with everything due at once stays at once, the first engine taking turns", () => {
  const atOnce = { ...workload, requests: [0, 1].map((id) => plainRequest({ id })) };
  expect(written(interleaved(["a", "b"], atOnce, 1))).toEqual(["A0@0 B0@0 B1@0 A1@0"]);
  expect(written(interleaved(["a"], { ...workload, requests: [plainRequest()] }, 1))).toEqual(["A0@0"]);
});

test("interleaved, requests that are not numbered as they fall due keep their times", () => {
  const offsets = [6, 0, 4];
  const requests = offsets.map((offset, id) => plainRequest({ id, arrival: { kind: "at", offset } }));
  expect(written(interleaved(["a", "b"], { ...workload, requests }, 1))).toEqual(["A0@6 B0@7.5 A1@0 B1@1.5 A2@4 B2@5.5"]);
});

test.each([
  ["one every 0.05 s", every({ seconds: 0.05 })],
  ["Poisson's", poisson({ perSecond: 25 })],
] as const)("interleaved, every one of three engines has the very gaps of a schedule of %s", (_name, arrivals) => {
  const requests = arrivals.schedule(200, draws(1, "order")).map((arrival, id) => plainRequest({ id, arrival }));
  const asked = gapsOf(requests.map(({ arrival }) => (arrival.kind === "at" ? arrival.offset : NaN)));
  for (const phase of interleaved(["a", "b", "c"], { ...workload, requests }, 2)) {
    for (const name of ["a", "b", "c"]) {
      const gaps = gapsOf(phase.filter(({ engine }) => engine === name).map(({ due = NaN }) => due));
      expect(Math.max(...gaps.map((gap, index) => Math.abs(gap - (asked[index] ?? NaN))))).toBeLessThan(1e-9);
    }
  }
});

function gapsOf(times: readonly number[]): readonly number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? NaN));
}
