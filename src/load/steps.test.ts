import { expect, test } from "vitest";

import type { Request } from "../model/request.ts";
import type { Phase } from "./phase.ts";
import { Steps } from "./steps.ts";
import { plainRequest } from "./testServer.ts";

function phaseOf(...requests: readonly Partial<Request>[]): Phase {
  return requests.map((request, id) => ({ engine: "a", block: 0, due: 0, request: plainRequest({ id, ...request }) }));
}

function placesIn(steps: Steps): readonly number[] {
  return [...steps.scheduledFrom(0)].map(({ place }) => place);
}

test("a step that has ended is let go, unless a later prompt contains its reply", () => {
  const containing: Partial<Request> = {
    messages: [{ role: "assistant", parts: [{ kind: "reply", request: 0, source: "own" }] }],
  };
  const steps = new Steps(phaseOf({}, {}, containing));
  const [contained, other] = [...steps.scheduledFrom(0)];
  if (contained === undefined || other === undefined) throw new Error("two wait for nobody");
  expect(steps.scheduledAt(1)).toBe(other);
  for (const step of [contained, other]) steps.release(step);
  expect(steps.scheduledAt(0)).toBe(contained);
  expect(steps.scheduledAt(1)).not.toBe(other);
});

test("those that wait for one another, or for nobody that is there, are strays, and those that wait for one behind them are not", () => {
  const after = (request: number): Partial<Request> => ({ arrival: { kind: "after", request, pause: 0 } });
  const steps = new Steps(phaseOf(after(1), after(0), after(4), after(9), {}));
  expect(new Set(steps.strays().map(({ place }) => place))).toEqual(new Set([0, 1, 3]));
  expect(placesIn(steps)).toEqual([4]);
  const [last] = steps.scheduledFrom(0);
  expect(last && steps.followersOf(last).map(({ place }) => place)).toEqual([2]);
});
