import { expect, test } from "vitest";

import { experiment } from "../model/experiment.ts";
import { blocksOf } from "./blocks.ts";
import { documentQa } from "./documentQa.ts";
import { varyLength } from "./varyLength.ts";

const at = (offset: number) => ({ kind: "at", offset });
const questions = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 3 });

/** Three questions at whatever times an author who nobody type-checked gave them. */
function asked(given: unknown, workload = questions) {
  const schedule = () => given as []; // or what else it may be
  return blocksOf(experiment({ workload, arrivals: { kind: "mine", options: {}, schedule } }));
}

test("arrivals of one's own are sent when they say", () => {
  const [block] = asked([at(0), at(1.5), { kind: "after", request: 1, pause: 2 }]);
  expect(block?.requests.map(({ arrival }) => arrival)).toEqual([at(0), at(1.5), { kind: "after", request: 1, pause: 2 }]);
});

test.each([
  ["fewer times than requests", [at(0), at(1)], "schedule(3) must give 3 arrivals, one for each request, and gives 2"],
  ["more times than requests", [at(0), at(1), at(2), at(3)], "must give 3 arrivals, one for each request, and gives 4"],
  ["nothing", undefined, "schedule(3) must give a list of 3 arrivals, not undefined"],
  ["numbers", [0, 1, 2], "schedule(3): of request 0 arrival must be an object, not 0"],
  ["a time that is none", [at(0), at(NaN), at(2)], "of request 1 arrival.offset must be a number of at least 0, not NaN"],
  ["one after nobody", [at(0), { kind: "after", request: 9, pause: 0 }, at(2)], "of request 1 arrival.request must be at most 2, not 9"],
  [
    "one after a later one",
    [at(0), { kind: "after", request: 2, pause: 0 }, at(2)],
    "request 1 may only come after one that stands before it",
  ],
  ["times that do not ascend", [at(0), at(2), at(1.5)], "schedule(3): request 2 is due at 1.5 s, and one before it at 2 s"],
])("%s from arrivals of one's own is a mistake before anything is sent", (_, given, told) => {
  expect(() => asked(given)).toThrow(`arrivals mine: `);
  expect(() => asked(given)).toThrow(told);
  expect(() => asked(given, varyLength({ contextTokens: 64, requests: 3 }))).toThrow(told);
});
