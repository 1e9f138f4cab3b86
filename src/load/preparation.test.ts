import { expect, test } from "vitest";

import { virtualClock } from "../host/virtualClock.ts";
import type { Request } from "../model/request.ts";
import { inTurn } from "./order.ts";
import { Preparation } from "./preparation.ts";
import { Steps, type Step } from "./steps.ts";
import { plainRequest } from "./testServer.ts";

interface Preparing {
  readonly preparation: Preparation;
  readonly steps: readonly Step[];
  /** Which were prepared, and when, in seconds. */
  readonly prepared: readonly (readonly [request: number, at: number])[];
  /** Until nothing more is to come by itself. */
  readonly settled: () => Promise<void>;
}

function preparing(count: number, requestOf: (id: number) => Partial<Request>): Preparing {
  const clock = virtualClock();
  const requests = Array.from({ length: count }, (_, id) => plainRequest({ id, ...requestOf(id) }));
  const [phase = []] = inTurn(["a"], { kind: "test", options: {}, seed: 1, requests }, 1);
  const steps = new Steps(phase);
  const prepared: [number, number][] = [];
  const prepare = (step: Step) => {
    prepared.push([step.request, clock.now() / 1e9]);
    return {};
  };
  const settled = async () => clock.runUntil(Promise.resolve());
  return { preparation: new Preparation(steps, clock, { prepare }), steps: [...steps.scheduledFrom(0)], prepared, settled };
}

test.each<[string, number, Partial<Request>]>([
  ["4,096 requests", 4_096, {}],
  ["about 8 million tokens", 3, { contextTokens: 3_000_000 }],
])("of many that are due at once %s are ready before the start, and one more for each that was sent", async (_, most, request) => {
  const { preparation, steps, prepared, settled } = preparing(5_000, () => request);
  let isReady = false;
  preparation.begin(() => (isReady = true));
  await settled();
  expect([isReady, prepared.length]).toEqual([true, most]);
  preparation.follow(0);
  for (const [sent, step] of steps.slice(0, 3).entries()) {
    await settled();
    expect(prepared).toHaveLength(most + sent);
    preparation.take(step);
  }
});

test("what is sent or left out before it could be prepared is not prepared afterwards, and what follows not before its time", async () => {
  const { preparation, steps, prepared, settled } = preparing(4, (id) => ({ arrival: { kind: "at", offset: 10 * id + 10 } }));
  preparation.follow(0);
  const [first, second] = steps;
  if (first === undefined || second === undefined) throw new Error("there are four");
  preparation.take(first);
  expect(preparation.skip(second)).toBeUndefined();
  await settled();
  expect(prepared.map(([id, at]) => [id, Math.round(at)])).toEqual([
    [0, 0],
    [2, 30],
    [3, 40],
  ]);
});
