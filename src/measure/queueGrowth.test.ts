import { expect, test } from "vitest";
import { draws } from "../model/draw.ts";
import { failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { record } from "./fixture.ts";
import { queueGrowth } from "./queueGrowth.ts";

function every(seconds: Seconds, count: number, from: Seconds = 0): readonly Seconds[] {
  return Array.from({ length: count }, (_, index) => from + index * seconds);
}

/** Sent when due, each with its TTFT and a last token 10 ms later. */
function answered(dues: readonly Seconds[], waits: readonly Seconds[], more: Partial<RequestRecord> = {}): readonly RequestRecord[] {
  return dues.map((due, request) => {
    const first = due + (waits[request] ?? 0);
    return { ...record([[first], [first + 0.01]], { due, request }), ...more };
  });
}

/** By an engine that has one request at work at a time, so long for each. */
function oneByOne(dues: readonly Seconds[], service: (index: number) => Seconds): readonly RequestRecord[] {
  let free = 0;
  const ends = dues.map((due, index) => (free = Math.max(due, free) + service(index)));
  return answered(
    dues,
    ends.map((end, index) => end - (dues[index] ?? 0)),
  );
}

test("an engine that takes 1.9 s for what comes every 1.4 s takes half a second longer for each, 36 % of the time it has", () => {
  const growth = queueGrowth(oneByOne(every(1.4, 16), () => 1.9));
  expect(growth?.longer).toBeCloseTo(0.5);
  expect(growth?.share).toBeCloseTo(0.5 / 1.4);
  expect(growth?.offered).toBeCloseTo(1 / 1.4);
  expect(growth?.served).toBeCloseTo(1 / 1.9, 2);
});

test("one that takes 1.3 s for it does not fall behind, however long the run", () => {
  for (const count of [16, 1_000]) expect(queueGrowth(oneByOne(every(1.4, count), () => 1.3))?.share).toBeCloseTo(0);
});

test("the lower end of the interval counts: steps of 0.4 and 0.6 s are 0.5 s to within 0.075, steps of -0.5 and 1.5 s may be none", () => {
  // The first is answered before the second is sent, so there are ten steps. Their standard deviation is 0.105 s, t of nine degrees 2.262.
  const growth = (odd: Seconds, even: Seconds) =>
    queueGrowth(
      answered(
        every(1, 12),
        every(0, 12).map((_, index) => 0.5 + Math.ceil(index / 2) * odd + Math.floor(index / 2) * even),
      ),
    );
  expect(growth(0.4, 0.6)?.share).toBeCloseTo(0.5 - (2.262 * 0.105) / Math.sqrt(10), 2);
  expect(growth(-0.5, 1.5)?.share).toBeLessThan(0);
});

test("cold requests and warm ones, long prompts and short ones are each held against their like, in either order", () => {
  const fast = (from: Seconds) => answered(every(2, 15, from), every(0, 15, 0.2), { cache: "warm" });
  const slow = (from: Seconds) => answered(every(2, 15, from), every(0, 15, 9));
  const long = (from: Seconds) => answered(every(2, 15, from), every(0, 15, 9), { contextTokens: 8_000 });
  for (const one of [slow, long]) {
    expect(queueGrowth([...fast(0), ...one(30)])?.share).toBeCloseTo(0);
    expect(queueGrowth([...one(0), ...fast(30)])?.share).toBeCloseTo(0);
  }
});

test("while an engine fills up, each request finds more company than the one before, and that is no queue", () => {
  // 10 s for each, every second one more: the first ten meet 0 to 9 others, all after them 10.
  const waits = every(1, 40).map((_, index) => 8 + 0.2 * Math.min(index, 10));
  expect(queueGrowth(answered(every(1, 40), waits))?.share).toBeLessThan(0.005);
});

test("tenfold overload is told even when all is sent before the first answer, and a burst of company is not taken for it", () => {
  // Eight at once, 0.5 s each, what comes is 160 a second: the last is sent before the first is answered.
  const flood = answered(
    every(1 / 160, 64),
    every(0, 64).map((_, index) => 0.5 * Math.ceil((index + 1) / 8) - index / 160),
  );
  expect(queueGrowth(flood)?.share).toBeGreaterThan(1);
  expect(queueGrowth(flood)?.served).toBeCloseTo(16, 0);
  const company = every(1, 40).map((due, request) => record([[due + 0.1 + 0.005 * request], [due + 60]], { due, request }));
  expect(queueGrowth(company)?.share ?? 0).toBeLessThan(0.01);
});

test("an engine that answers two at a time, whose waits go up and down, is found by how long it took for all of them", () => {
  // 24 requests in 17 s; every second one waits 3 s longer than the one after it, and the last about 34 s.
  const waits = every(0, 24).map((_, index) => 6 + (28 * index) / 23 + (index % 2 === 0 ? 3 : 0));
  expect(queueGrowth(answered(every(0.75, 24), waits))?.behind).toBeGreaterThan(1);
});

test("an engine that answers nothing for 33 s and then all that was sent in 17 s is no engine for one request every 0.75 s", () => {
  const waits = every(0, 24).map((_, index) => 33 + (11 * index) / 23);
  const growth = queueGrowth(answered(every(0.75, 24), waits));
  expect(growth?.served).toBeCloseTo(24 / (17.25 + 44.01), 2);
  expect(growth?.behind).toBeGreaterThan(1);
  expect(growth?.mayBeConstant).toBe(false);
});

test("of an engine whose first tokens all take 3 s, nobody can tell whether that is a queue where all was sent within 2 s", () => {
  const slow = answered(
    every(0.05, 40),
    every(0, 40).map((_, index) => 3 + 0.01 * (index % 3)),
  );
  expect(queueGrowth(slow)).toMatchObject({ behind: expect.closeTo(20 / (40 / 4.97) - 1, 1) as number, mayBeConstant: true });
});

test("where all of it took less than twice as long as the sending, it is no queue, however long each waits", () => {
  const waits = every(0, 12).map(() => 6.1);
  expect(queueGrowth(answered(every(0.5, 12), waits))).toBeUndefined();
});

// Seen of vLLM: 24 requests within 11.5 s, while another engine had its core.
test("one that answers nothing for 16 s, and then everything after 16 to 18.7, is not known to keep up", () => {
  const waits = every(0, 24).map((_, index) => 16.1 + Math.min(2, index / 4) + 0.6 * (index % 2));
  expect(queueGrowth(answered(every(0.5, 24), waits))).toMatchObject({ served: expect.closeTo(0.8, 1) as number, mayBeConstant: true });
});

test.each([
  { what: "refused two of three", outcome: failed("http-status", "HTTP 503") },
  { what: "was cut off before the last two thirds", outcome: undefined },
])(
  "replies that never came are no queue: of an engine that $what, all that it answered took half a second or a little more",
  ({ outcome }) => {
    // Sent within 1.2 s; those that were answered, 40 of 120, within 0.4 s.
    const waits = every(0, 120).map((_, index) => 0.5 + 0.02 * (index % 13));
    const some = answered(every(0.01, 120), waits).map((one) => {
      const isAnswered = outcome === undefined ? one.request < 40 : one.request % 3 === 0;
      return isAnswered ? one : { ...one, outcome: outcome ?? ({ kind: "cancelled" } as const) };
    });
    expect(queueGrowth(some)?.behind ?? 0).toBeLessThan(0.02);
  },
);

test("a queue that shows in TTFT only, or in E2E only, is found", () => {
  const rising = every(0.5, 16, 0.4);
  const inTtft = every(1, 16).map((due, request) => record([[due + (rising[request] ?? 0)], [due + 9]], { due, request }));
  const inE2e = every(1, 16).map((due, request) => record([[due + 0.4], [due + 0.4 + (rising[request] ?? 0)]], { due, request }));
  for (const records of [inTtft, inE2e]) expect(queueGrowth(records)?.share).toBeCloseTo(0.5);
});

test("what did not end, or failed, is left out, and the ones around it count for the requests between them", () => {
  const growing = oneByOne(every(1.4, 24), () => 1.9);
  const cutOff = ({ due, request }: RequestRecord) =>
    record([[due / 1e9 + 0.1]], { due: due / 1e9, request, outcome: failed("idle-timeout", "") });
  const some = growing.map((one) => (one.request % 3 === 2 ? cutOff(one) : one));
  expect(queueGrowth(some)?.share).toBeCloseTo(0.5 / 1.4);
  expect(queueGrowth(some)?.served).toBeCloseTo(16 / (23 * 1.9), 2);
});

test("a step over two requests has twice the drift and twice the variance of one", () => {
  // Ten steps of 0.8 and 1.2 s, each over two requests: a variance of 0.0222 s² for each request.
  const waits = every(0, 24).map((_, request) => 0.5 + Math.ceil(request / 4) * 0.8 + Math.floor(request / 4) * 1.2);
  const records = answered(every(1, 24), waits).map((one) => (one.request % 2 === 1 ? { ...one, outcome: failed("empty", "") } : one));
  expect(queueGrowth(records)?.share).toBeCloseTo(0.5 - 2.262 * Math.sqrt(0.0222 / 20), 3);
});

test("each block is a run of its own", () => {
  const blocks = [0, 1].flatMap((block) => oneByOne(every(1.4, 9), () => 1.9).map((one) => ({ ...one, block })));
  expect(queueGrowth(blocks)?.share).toBeCloseTo(0.5 / 1.4);
  expect(queueGrowth(blocks)?.served).toBeCloseTo(1 / 1.9, 2);
});

test("of nothing due on its own, all due at once, or too few after the first answer, nothing is said", () => {
  const growing = oneByOne(every(1.4, 16), () => 1.9);
  expect(queueGrowth(growing.map((one) => ({ ...one, after: one.request - 1 })))).toBeUndefined();
  expect(queueGrowth(oneByOne(every(0, 16), () => 1.9))).toBeUndefined();
  expect(queueGrowth(growing.slice(0, 11))).toBeUndefined();
  expect(queueGrowth([])).toBeUndefined();
});

// 300 runs of 16 and of 50 requests each, as Poisson has them: what chance alone does to short runs.
test.each([
  { load: 0.5, most: 0.01 },
  { load: 0.7, most: 0.04 },
  { load: 0.8, most: 0.05 },
])("at $load of what an engine can do, a busy moment passes for saturation in at most $most of short runs", ({ load, most }) => {
  for (const count of [16, 50]) expect(foundShare(load, count)).toBeLessThanOrEqual(most);
});

test("at one and a half times what it can do, most runs of 50 requests show it, and all of 200 do", () => {
  expect(foundShare(1.5, 50)).toBeGreaterThan(0.75);
  expect(foundShare(1.5, 200, 50)).toBe(1);
});

function foundShare(load: number, count: number, runs = 300): number {
  const found = every(1, runs).filter((run) => {
    const draw = draws(run, `arrivals at ${load}`);
    let due = 0;
    const dues = every(0, count).map(() => (due -= Math.log(1 - draw())));
    return (queueGrowth(oneByOne(dues, () => load))?.share ?? 0) > 0.02;
  });
  return found.length / runs;
}
