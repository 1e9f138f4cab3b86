import * as fc from "fast-check";
import { expect, test } from "vitest";

import type { Request } from "../model/request.ts";
import type { Turn } from "./phase.ts";
import { partsOfPhase } from "./parts.ts";
import { plainRequest } from "./testServer.ts";

function turn(id: number, after?: number, engine = "a"): Turn {
  const arrival: Request["arrival"] = after === undefined ? { kind: "at", offset: id } : { kind: "after", request: after, pause: 0 };
  return { engine, block: 0, due: after === undefined ? id : undefined, request: plainRequest({ id, arrival }) };
}

const idsOf = (parts: readonly (readonly Turn[])[]) => parts.map((part) => part.map(({ engine, request }) => `${engine}${request.id}`));

test("requests with times of their own go to one part after the other, and followers to where their first is", () => {
  const phase = [turn(0), turn(1), turn(2), turn(3, 0), turn(4, 3), turn(5, 1)];
  expect(idsOf(partsOfPhase(phase, 2))).toEqual([
    ["a0", "a2", "a3", "a4"],
    ["a1", "a5"],
  ]);
});

test("the same request on two engines need not stay together", () => {
  expect(idsOf(partsOfPhase([turn(0, undefined, "a"), turn(0, undefined, "b")], 2))).toEqual([["a0"], ["b0"]]);
});

test("a request that contains another's reply goes where that one is", () => {
  const containing: Turn = {
    ...turn(2),
    request: { ...plainRequest({ id: 2 }), messages: [{ role: "assistant", parts: [{ kind: "reply", request: 0, source: "own" }] }] },
  };
  expect(idsOf(partsOfPhase([turn(0), turn(1), containing], 2))).toEqual([["a0", "a2"], ["a1"]]);
});

test("a scripted reply is a text, for which nobody waits: it brings no requests together", () => {
  const scripted = { kind: "passage", text: "a", tokenIds: [1] } as const;
  const quoting = (id: number): Turn => ({
    ...turn(id),
    request: {
      ...turn(id).request,
      messages: [{ role: "assistant", parts: [{ kind: "reply", request: 0, source: "scripted", scripted }] }],
    },
  });
  expect(idsOf(partsOfPhase([turn(0), quoting(1), quoting(2), quoting(3)], 2))).toEqual([
    ["a0", "a2"],
    ["a1", "a3"],
  ]);
});

test("a request that contains replies of two sessions brings them together", () => {
  const parts = [0, 1].map((request) => ({ kind: "reply", request, source: "own" }) as const);
  const joining: Turn = { ...turn(4, 1), request: { ...turn(4, 1).request, messages: [{ role: "user", parts }] } };
  expect(idsOf(partsOfPhase([turn(0), turn(1), turn(2), turn(3), joining], 2))).toEqual([["a0", "a1", "a3", "a4"], ["a2"]]);
});

test("whatever the chains, every turn is in one part, in its order, and with the one before it", () => {
  const phases = fc
    .array(fc.option(fc.nat()), { maxLength: 40 })
    .map((before) => before.map((of, id) => turn(id, of === null || id === 0 ? undefined : of % id)));
  fc.assert(
    fc.property(phases, fc.integer({ min: 1, max: 5 }), (phase, count) => {
      const parts = partsOfPhase(phase, count);
      expect(parts).toHaveLength(count);
      expect(
        parts
          .flat()
          .map(({ request }) => request.id)
          .sort((a, b) => a - b),
      ).toEqual(phase.map(({ request }) => request.id));
      for (const part of parts) {
        const ids = part.map(({ request }) => request.id);
        expect(ids).toEqual([...ids].sort((a, b) => a - b));
        const followed = part.flatMap(({ request: { arrival } }) => (arrival.kind === "after" ? [arrival.request] : []));
        expect(ids).toEqual(expect.arrayContaining(followed));
      }
    }),
  );
});
