import { expect, test } from "vitest";
import { poisson } from "../arrivals/poisson.ts";
import { draws } from "../model/draw.ts";
import type { Seconds } from "../model/time.ts";
import { arrivalShape } from "./arrivalShape.ts";
import { experimentOf, record } from "./fixture.ts";
import { harnessReasons } from "./harnessReasons.ts";
import { limitsOf } from "./validityLimits.ts";

const random = draws(1, "shape");
const every = (seconds: Seconds, count: number) => Array.from({ length: count }, (_, index) => index * seconds);
const poissonTimes = (perSecond: number, count: number) =>
  poisson({ perSecond })
    .schedule(count, random)
    .map((arrival) => (arrival.kind === "at" ? arrival.offset : 0));

test("a schedule of one a millisecond that goes out four at a time has the rate that was asked for, and is less even", () => {
  const times = every(0.001, 400);
  const bunched = times.map((_, index) => (Math.floor(index / 4) + 1) * 0.004 - 0.001 + (index % 4) * 20e-6);
  expect(reasons(times, bunched)).toMatchObject([
    {
      state: "DEGRADED",
      engine: "plain",
      what: "arrivals were less even than was asked for (gaps between requests off by 1.47 ms, of 1 ms on average)",
      exceeded: { name: "shape", limit: 0.1 },
    },
  ]);
});

test("even gaps sent as Poisson's are off by 2/e of the mean gap, and Poisson's sent evenly are more even than was asked for", () => {
  const [even, uneven] = [every(0.05, 2_000), poissonTimes(20, 2_000)];
  expect(shape(even, uneven)).toMatchObject({ share: expect.closeTo(2 / Math.E, 1), isLessEven: true });
  expect(shape(uneven, even)).toMatchObject({ share: expect.closeTo(2 / Math.E, 1), isLessEven: false });
  expect(shape(uneven, poissonTimes(20, 2_000))?.share).toBeLessThan(0.1); // others, of the same process
  const rates = [1, 5, 10, 30, 100].map((perSecond) => [every(1 / perSecond, 100), poissonTimes(perSecond, 100)] as const);
  expect(rates.map(([one, other]) => [shape(one, other)?.isLessEven, shape(other, one)?.isLessEven])).toEqual(
    rates.map(() => [true, false]),
  );
});

test.each([
  ["one a second, up to 5 ms late", every(1, 60), 0.005],
  ["50 a second, up to 3 ms late", every(0.02, 500), 0.003],
  ["1,000 a second, up to 0.2 ms late", every(0.001, 2_000), 0.0002],
  ["Poisson's 1,000 a second, up to 0.2 ms late", poissonTimes(1_000, 2_000), 0.0002],
  ["5,000 a second, up to 0.2 ms late", every(0.0002, 5_000), 0.0002],
  ["eight at once, twice a second, up to 5 ms late", every(0.5, 60).flatMap((time) => Array<number>(8).fill(time)), 0.005],
] as const)("of an honest schedule of %s nothing is said", (_name, times, late) => {
  expect(
    reasons(
      times,
      times.map((time) => time + random() * late),
    ),
  ).toEqual([]);
});

test("of 1,000 a second, a stall of 4 ms in every second is none of its shape, and 20 requests are too few to tell one", () => {
  const times = every(0.001, 5_000);
  expect(
    reasons(
      times,
      times.map((time) => (time % 1 < 0.004 ? Math.floor(time) + 0.004 : time)),
    ),
  ).toEqual([]);
  expect(
    shape(
      every(0.01, 20),
      every(0.01, 20).map((time) => Math.ceil(time * 20) / 20),
    ),
  ).toBeUndefined();
});

test("a rate that is too low is told by itself, and not as another shape", () => {
  const times = every(0.01, 100);
  const slow = times.map((time) => time * 1.05);
  expect(reasons(times, slow).filter(({ exceeded }) => exceeded?.name === "shape")).toEqual([]);
  expect(reasons(times, slow).some(({ exceeded }) => exceeded?.name === "rate")).toBe(true);
});

test("of what is due in one instant the first counts, in whatever order requests are told; what was not sent is in no shape", () => {
  const times = every(0.05, 40);
  const pairs = recordsOf(times, times).flatMap((first) => [first, { ...first, sent: (first.sent ?? 0) + random() * 0.04e9 }]);
  const { sent: _, ...unsent } = record([[99]], { due: 2 });
  expect(arrivalShape(pairs)).toMatchObject({ off: expect.closeTo(0), meanGap: expect.closeTo(0.05), isLessEven: false });
  expect(arrivalShape([...pairs.toReversed(), unsent])).toEqual(arrivalShape(pairs));
  expect(
    arrivalShape(
      recordsOf(
        times,
        times.map(() => 1),
      ),
    ),
  ).toBeUndefined(); // nor what was sent in one instant: its rate is told
});

test("what waits for another's end has no schedule to be held against", () => {
  const followers = every(0.01, 40).map((due, request) =>
    record([[9]], { request, after: request - 1, due, sent: due + (request % 4) * 0.003 }),
  );
  expect(arrivalShape(followers)).toBeUndefined();
});

function recordsOf(due: readonly Seconds[], sent: readonly Seconds[]) {
  return due.map((time, request) => record([[99]], { request, due: time, sent: sent[request] ?? time }));
}

function shape(due: readonly Seconds[], sent: readonly Seconds[]) {
  return arrivalShape(recordsOf(due, sent));
}

function reasons(due: readonly Seconds[], sent: readonly Seconds[]) {
  const experiment = experimentOf(recordsOf(due, sent));
  return harnessReasons(experiment, limitsOf(experiment.description));
}
