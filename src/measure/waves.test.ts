import { expect, test } from "vitest";

import { chunksOf } from "../model/chunks.ts";
import { chunksAt, record } from "./fixture.ts";
import { pairOf } from "./pairs.ts";
import { wavesOf, wavesOfBlock } from "./waves.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";

test("requests of a time of their own are waves of one; those of one instant are one wave, and of another block another", () => {
  expect(numbers([one(0, 0), one(1, 1), one(2, 2)])).toEqual([0, 1, 2]);
  expect(numbers([one(0, 0), one(1, 0), one(2, 3), one(3, 3)])).toEqual([0, 0, 1, 1]);
  expect(numbers([one(0, 0), one(1, 0), one(0, 0, { block: 1 }), one(1, 0, { block: 1 })])).toEqual([0, 0, 1, 1]);
});

test("the next requests of a closed loop's users are its next wave, whenever each is due", () => {
  const users = [one(0, 0), one(1, 0), one(2, 0.31, { after: 0 }), one(3, 0.8, { after: 1 }), one(4, 0.7, { after: 2 })];
  expect(numbers(users)).toEqual([0, 0, 1, 1, 2]);
});

test("in whatever order requests are recorded, also where nobody knows yet when those that follow are due", () => {
  const requests: Parameters<typeof wavesOfBlock>[0] = [
    { request: 4, after: 2, due: Infinity },
    { request: 3, after: 1, due: Infinity },
    { request: 2, after: 0, due: Infinity },
    { request: 1, due: 0 },
    { request: 0, due: 0 },
  ];
  const due = requests.map((of) => ({ ...of, due: of.after === undefined ? 0 : of.request }));
  for (const block of [requests, requests.toReversed(), due, due.toReversed()]) {
    const waves = wavesOfBlock(block);
    expect([0, 1, 2, 3, 4].map((request) => waves.get(request))).toEqual([0, 0, 1, 1, 2]);
  }
});

test("turns of sessions that begin apart stay apart", () => {
  expect(numbers([one(0, 0), one(1, 0.5), one(2, 2, { after: 0 }), one(3, 2.1, { after: 1 })])).toEqual([0, 1, 2, 3]);
});

test("what is due before anything was answered is one wave, a millisecond apart or not", () => {
  expect(numbers([one(0, 0), one(1, 0.001), one(2, 0.002)])).toEqual([0, 0, 0]);
  const failed = [one(0, 0), one(1, 1)].map((request) => ({ ...request, chunks: chunksOf([]) }));
  expect(numbers(failed)).toEqual([0, 0]);
});

test("unless the other engine answers in between, as one that is faster may", () => {
  const other = [one(0, 0), one(1, 1)];
  const late = other.map((request) => ({ ...request, chunks: chunksAt(request.chunks, (moments) => moments.map((at) => at + 5e9)) }));
  expect([numbers(late, other), numbers(other, late)]).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

/** Answered after 0.3 s. */
function one(request: number, due: Seconds, rest: Partial<Pick<RequestRecord, "after" | "block">> = {}): RequestRecord {
  return record([[due + 0.3]], { request, due, ...rest });
}

function numbers(records: readonly RequestRecord[], other = records): readonly (number | undefined)[] {
  const found = wavesOf(records, other);
  return records.map((request) => found.get(pairOf(request)));
}
