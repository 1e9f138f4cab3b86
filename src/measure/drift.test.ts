import { expect, test } from "vitest";

import { draws } from "../model/draw.ts";
import { failed } from "../model/outcome.ts";
import { halvesApart } from "./drift.ts";
import { answered, chunksAt, record } from "./fixture.ts";

const noise = draws(1, "noise");

/** 10 % about `wait`. */
function about(wait: number): number {
  return wait * (0.9 + 0.2 * noise());
}

test("an engine 1.6 times as slow from the middle on is found, with how much", () => {
  const waits = Array.from({ length: 30 }, (_, index) => about(index < 15 ? 0.2 : 0.32));
  const found = halvesApart(answered("plain", waits));
  expect(found?.metric).toBe("TTFT");
  expect(Math.abs((found?.ratio ?? 0) - 1.6)).toBeLessThan(0.1); // three standard errors of 15 and 15
  expect(found?.apart).toBeGreaterThan(0.4);
});

test("one whose tokens come faster is found by TPOT", () => {
  const waits = Array.from({ length: 20 }, () => about(0.2));
  const slow = answered("plain", waits, { tokenEvery: 0.02 });
  const fast = answered("plain", waits).map((record) => ({
    ...record,
    sent: (record.sent ?? 0) + 100e9,
    ended: (record.ended ?? 0) + 100e9,
    chunks: chunksAt(record.chunks, (moments) => moments.map((at) => at + 100e9)),
  }));
  expect(halvesApart([...slow, ...fast])).toMatchObject({ metric: "TPOT", ratio: expect.closeTo(0.5) });
});

test("blocks come one after the other, though each counts its times from its own start", () => {
  const block = (number: number, wait: (index: number) => number) =>
    answered(
      "plain",
      Array.from({ length: 20 }, (_, index) => about(wait(index))),
      { block: number },
    );
  const slower = halvesApart([...block(0, () => 0.2), ...block(1, () => 0.4)]);
  expect(Math.abs((slower?.ratio ?? 0) - 2)).toBeLessThan(0.11); // three standard errors of 20 and 20
  expect(slower?.apart).toBeGreaterThan(0.5);
  const busyAtFirst = (index: number) => (index < 10 ? 0.8 : 0.2);
  expect(halvesApart([...block(0, busyAtFirst), ...block(1, busyAtFirst)])?.apart).toBe(0);
});

test("cold requests and warm ones are held against their like", () => {
  const cold = answered(
    "plain",
    Array.from({ length: 20 }, () => about(0.9)),
  );
  const warm = answered(
    "plain",
    Array.from({ length: 20 }, () => about(0.1)),
    { cache: "warm", block: 1 },
  );
  expect(halvesApart([...cold, ...warm])?.apart).toBeLessThan(0.1);
});

test("what failed tells nothing of how fast an engine is", () => {
  const waits = Array.from({ length: 40 }, (_, index) => (index >= 20 && index % 2 === 0 ? 3 : about(0.2)));
  const records = answered("plain", waits).map((one, index) =>
    waits[index] === 3 ? { ...one, outcome: failed("idle-timeout", "") } : one,
  );
  expect(halvesApart(records)?.apart).toBe(0);
});

test("where nothing changes, one run in a hundred at most is said to have changed by a fifth, however noisy it is", () => {
  const runs = Array.from({ length: 300 }, () =>
    answered(
      "plain",
      Array.from({ length: 20 }, () => 0.2 * Math.exp(0.5 * (noise() + noise() + noise() - 1.5))),
    ),
  );
  expect(runs.filter((records) => (halvesApart(records)?.apart ?? 0) > 0.2).length).toBeLessThanOrEqual(3);
});

/** Requests of ten lengths in turn, each length with waits of its own, lognormal about them, and `times` as long. */
function ofTenLengths(count: number, spread: number, times: (index: number) => number) {
  const deviate = () => Math.sqrt(-2 * Math.log(1 - noise())) * Math.cos(2 * Math.PI * noise());
  const waits = Array.from({ length: count }, (_, index) => 0.05 * (1 + (index % 10)) * Math.exp(spread * deviate()) * times(index));
  return answered("plain", waits).map((one, index) => ({ ...one, contextTokens: 1_000 * (1 + (index % 10)) }));
}

test("ten lengths are no ten chances to have changed: where nothing does, three runs in a hundred at most are said to have", () => {
  const runs = Array.from({ length: 200 }, () => ofTenLengths(200, 1, () => 1));
  expect(runs.filter((records) => (halvesApart(records)?.apart ?? 0) > 0.2).length).toBeLessThanOrEqual(6);
});

test("what changes is found among ten lengths of which none comes often enough to tell by itself", () => {
  const found = halvesApart(ofTenLengths(60, 0.1, (index) => (index < 30 ? 1 : 1.6)));
  expect(found?.metric).toBe("TTFT");
  expect(Math.abs((found?.ratio ?? 0) - 1.6)).toBeLessThan(0.1); // three standard errors of 15 and 15
  expect(found?.apart).toBeGreaterThan(0.4);
});

/** How long each of some Poisson requests takes on an engine that answers one at a time, at a share of what it can do. */
function queued(count: number, load: number): readonly number[] {
  const exponential = () => -Math.log(1 - noise());
  let wait = 0;
  return Array.from({ length: count }, () => {
    wait = Math.max(0, wait - exponential() / load);
    return (wait += exponential());
  });
}

// Taken for independent, more than half of such runs had changed by a fifth.
test("a queue that goes up and down at 85 % of what an engine can do has seldom changed: 400 requests", () => {
  const runs = Array.from({ length: 150 }, () => answered("plain", queued(400, 0.85)));
  expect(runs.filter((records) => (halvesApart(records)?.apart ?? 0) > 0.2).length).toBeLessThan(25);
});

test.each([
  [100, 1.5, 85],
  [16, 2, 65],
])("an engine that changes half-way is still found: of %d requests by %d times, in %d of 100 runs or more", (count, times, least) => {
  const runs = Array.from({ length: 100 }, () =>
    answered(
      "plain",
      Array.from(
        { length: count },
        (_, index) => (index < count / 2 ? 0.2 : 0.2 * times) * Math.exp(0.6 * (noise() + noise() + noise() - 1.5)),
      ),
    ),
  );
  expect(runs.filter((records) => (halvesApart(records)?.apart ?? 0) > 0.2).length).toBeGreaterThanOrEqual(least);
});

test("what is sent within two latencies of the first, while an engine fills, is no half of its time", () => {
  const fourRounds = Array.from({ length: 64 }, (_, request) => {
    const round = Math.floor(request / 16);
    const due = round * 4 + (request % 16) / 100;
    const wait = about(round < 2 ? 0.4 : 0.2);
    return record([[due + wait], [due + 3]], { due, request, ...(round === 0 ? {} : { after: request - 16 }) });
  });
  expect(halvesApart(fourRounds)?.apart).toBe(0);
});

test("a burst whose last requests wait longest has not become slower", () => {
  const burst = answered(
    "plain",
    Array.from({ length: 20 }, (_, index) => 0.5 + index),
  ).map((record) => ({ ...record, due: 0, sent: 0 }));
  expect(halvesApart(burst)).toBeUndefined();
});

test("of fewer than eight in each half nothing is said", () => {
  const found = (count: number) =>
    halvesApart(
      answered(
        "plain",
        Array.from({ length: count }, (_, index) => about(index < count / 2 ? 0.2 : 0.4)),
      ),
    );
  expect(found(15)).toBeUndefined();
  expect(found(16)?.apart).toBeGreaterThan(0.5);
});
