import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { inTurn, together } from "../load/order.ts";
import type { Arrivals } from "../model/workload.ts";
import { plainRequest } from "../load/testServer.ts";
import { draws } from "../model/draw.ts";
import { askedLoad } from "./askedLoad.ts";

function phases(arrivals: Arrivals, order = together, engines: readonly string[] = ["plain"]) {
  const requests = arrivals.schedule(300, draws(0, "test")).map((arrival, id) => plainRequest({ id, arrival, maxOutputTokens: 7 }));
  return order(engines, { kind: "plain", options: {}, seed: 0, requests }, 1);
}

test("of a closed loop, and of requests at once, the streams are known and no rate is asked", () => {
  expect(askedLoad(phases(closedLoop({ concurrency: 64 })))).toEqual({ streams: 64, dues: [], tokens: 7 });
  expect(askedLoad(phases(atOnce()))).toEqual({ streams: 300, dues: [], tokens: 7 });
});

test("of an open loop the moments of the busiest second are known, and not how many streams will be open", () => {
  const { streams, dues } = askedLoad(phases(every({ seconds: 0.01 })));
  expect([streams, dues.length, dues[0], dues.at(-1)]).toEqual([1, 101, 0, 1]);
});

test("two engines at the same time are asked twice as much, in turn they are not", () => {
  const loop = closedLoop({ concurrency: 64 });
  const both = ["one", "other"];
  expect(askedLoad(phases(loop, together, both)).streams).toBe(128);
  expect(askedLoad(phases(loop, inTurn, both)).streams).toBe(64);
});
