import { expect, test } from "vitest";

import { lastMoment, momentsOf } from "../model/chunks.ts";
import { failed } from "../model/outcome.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { answered, chunksAt, experimentOf, record } from "./fixture.ts";
import { harnessReasons } from "./harnessReasons.ts";
import { rulerReadings, type RulerError } from "./rulerError.ts";
import { limitsOf } from "./validityLimits.ts";

const ten = answered("plain", Array<number>(10).fill(0.5));

/** "sendLag DEGRADED" */
function found(records: readonly RequestRecord[], readings: readonly Reading[] = []): readonly string[] {
  const experiment = experimentOf(records, readings);
  return harnessReasons(experiment, limitsOf(experiment.description)).map(({ state, exceeded }) => `${exceeded?.name} ${state}`);
}

/** One a second, each sent so many times as long after the first as it was to be, and answered in time. */
function sentAt(count: number, times: number, every: Seconds = 1): readonly RequestRecord[] {
  return Array.from({ length: count }, (_, request) => {
    const due = request * every;
    return record([[due * times + 100]], { request, due, sent: due * times });
  });
}

test.each([
  [20, 1.019, []],
  [20, 1.03, ["rate DEGRADED"]],
  [20, 1.11, ["rate DEGRADED"]], // 90.1 % of the rate
  [20, 1.12, ["rate INVALID"]], // 89.3 %
  [19, 1.12, []],
] as const)("%d requests sent over %d times as long as was asked for are another rate: %j", (count, times, reasons) => {
  expect(found(sentAt(count, times)).filter((name) => name.startsWith("rate"))).toEqual(reasons);
});

test("a rate that was too high is another one, too, and is told by how much", () => {
  // The first goes out 10 s late, the last in time.
  const records = sentAt(20, 1).map((one) => ({ ...one, sent: (10 + one.request * (9 / 19)) * 1e9 }));
  const experiment = experimentOf(records);
  const reasons = harnessReasons(experiment, limitsOf(experiment.description));
  expect(reasons.find(({ exceeded }) => exceeded?.name === "rate")).toMatchObject({
    state: "INVALID",
    engine: "plain",
    what: "requests were sent at 211 % of the rate that was asked for",
  });
});

test("what is due at once has no rate, and each engine has its own", () => {
  expect(found(sentAt(20, 1, 0))).toEqual([]);
  const other = sentAt(20, 1.12).map((one) => ({ ...one, engine: "cached" }));
  expect(found([...sentAt(20, 1), ...other])).toContain("rate INVALID");
});

test("requests in bunches of four are another load, at the same rate", () => {
  const bunched = Array.from({ length: 400 }, (_, request) => {
    const sent = (Math.floor(request / 4) * 4 + 3) / 1000;
    return record([[1]], { request, due: request / 1000, sent });
  });
  expect(found(bunched)).toEqual(["shape DEGRADED"]);
});

test.each([
  ["host-steal-share", 0.1, 0.11, "steal DEGRADED"],
  ["host-runnable-per-core", 2, 2.1, "crowded DEGRADED"],
  ["clock-step-seconds", 0.5, 0.6, "clockStep DEGRADED"],
] as const)("%s may be %d of this machine, and not %d", (series, allowed, value, reason) => {
  const reading = (value: number, of = "harness"): Reading => ({ at: 1e9, series, of, value });
  expect([found(ten, [reading(allowed)]), found(ten, [reading(value)])]).toEqual([[], [reason]]);
  expect(found(ten, [reading(value, "plain")])).toEqual([]);
});

test("a clock is set in one second; what else the machine does counts from the second bad second in ten on", () => {
  const once = (series: string, value: number) =>
    Array.from({ length: 10 }, (_, second): Reading => ({ at: second * 1e9, series, of: "harness", value: second === 4 ? value : 0 }));
  expect(found(ten, once("clock-step-seconds", 1))).toEqual(["clockStep DEGRADED"]);
  expect(found(ten, [...once("host-steal-share", 1), ...once("host-runnable-per-core", 9)])).toEqual([]);
});

test("errors of stamps withhold verdicts from 50 ms on, those of TTFT mark the numbers and no more", () => {
  const off = (stamp: Seconds, ttft: Seconds) => {
    const size = (p99: Seconds) => ({ count: 700, p50: 0, p99, max: 9 });
    const error: RulerError = { stamp: size(stamp), ttft: size(ttft) };
    return found(
      ten,
      rulerReadings("replay after", error).map((reading) => ({ ...reading, at: 0 })),
    );
  };
  expect([off(0.005, 0.02), off(0.006, 0.02), off(0.051, 0.02)]).toEqual([[], ["harnessError DEGRADED"], ["harnessError INVALID"]]);
  expect([off(0.001, 0.021), off(0.001, 5)]).toEqual([["harnessTtft DEGRADED"], ["harnessTtft DEGRADED"]]);
});

test("a port that was lacking for one request is INVALID, by the machine and not by the engine", () => {
  const lacking = ten.map((one) => (one.request === 0 ? { ...one, outcome: failed("exhausted", "EMFILE") } : one));
  expect(found(lacking)).toEqual(["exhausted INVALID"]);
  expect(found(ten.map((one) => ({ ...one, outcome: failed("refused", "") })))).toEqual([]);
});

test("of a burst the latest counts beyond what so many take, and where most are late the schedule was not kept", () => {
  const burst = (late: (place: number) => Seconds) =>
    Array.from({ length: 12 }, (_, request) => record([[9]], { request, due: 1, sent: 1 + request * 100e-6 + late(request) }));
  expect(found(burst(() => 0.004))).toEqual([]);
  expect(found(burst((place) => (place === 11 ? 0.02 : 0)))).toEqual(["sendLag DEGRADED"]);
  expect(found(burst(() => 0.06))).toEqual(["sendLag DEGRADED", "sendLagOfMost INVALID"]);
});

test.each<[string, (good: RequestRecord) => RequestRecord]>([
  ["it was sent before it was due", (good) => ({ ...good, due: (good.sent ?? 0) + 1 })],
  ["its head came before it was sent", (good) => ({ ...good, headers: (good.sent ?? 0) - 1 })],
  ["its first event came before its head", (good) => ({ ...good, headers: (momentsOf(good.chunks)[0] ?? 0) + 1 })],
  ["its events are not in order", (good) => ({ ...good, chunks: chunksAt(good.chunks, (moments) => moments.toReversed()), ended: 99e9 })],
  ["it ended before its last event", (good) => ({ ...good, ended: (lastMoment(good.chunks) ?? 0) - 1 })],
])("one request whose stamps run backwards is INVALID: %s", (_why, backwards) => {
  expect(found(ten.map((one) => (one.request === 3 ? backwards(one) : one)))).toEqual(["clock INVALID"]);
});
