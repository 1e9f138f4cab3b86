import { expect, test } from "vitest";

import { rulerError, rulerErrorOf, rulerReadings, singleErrors, tailOfError, type Stamped, type Truth } from "./rulerError.ts";

const ms = 1_000_000;
const errorOf = (stamped: readonly Stamped[], truths: readonly Truth[]) => rulerError(singleErrors(stamped, truths));

test("errors are ours against the engine's own stamps, by hand", () => {
  // Sent 1 ms late; first token written 100 ms after it was read, stamped 3 ms after that; second gap 20 ms there, 21 ms here.
  const stamped = [{ id: "a", due: 0, sent: 1 * ms, tokens: [105 * ms, 126 * ms] }];
  const truths = [{ id: "a", received: 2 * ms, written: [102 * ms, 122 * ms] }];
  expect(errorOf(stamped, truths)).toEqual({
    slip: { count: 1, p50: 0.001, max: 0.001 },
    ttft: { count: 1, p50: 0.004, max: 0.004 },
    stamp: { count: 2, p50: 0.003, max: 0.004 },
    gap: { count: 1, p50: 0.001, max: 0.001 },
  });
});

test("a p95 is stated from 130 values on, a p98 from 330, a p99 from 662, and they are missing before", () => {
  const tokens = (count: number) => Array.from({ length: count }, (_, index) => index * ms);
  const single = (count: number) =>
    singleErrors([{ id: "a", due: 0, sent: 0, tokens: tokens(count) }], [{ id: "a", received: 0, written: tokens(count) }]);
  expect(rulerError(single(129)).stamp).toEqual({ count: 129, p50: 0, max: 0 });
  expect(rulerError(single(329)).stamp).toEqual({ count: 329, p50: 0, p95: 0, max: 0 });
  expect(rulerError(single(661)).stamp).toEqual({ count: 661, p50: 0, p95: 0, p98: 0, max: 0 });
  expect(rulerError(single(662)).stamp).toEqual({ count: 662, p50: 0, p95: 0, p98: 0, p99: 0, max: 0 });
  // One that was measured in pieces, which have requests of the same names.
  expect(rulerError(single(600), single(62)).stamp).toEqual({ count: 662, p50: 0, p95: 0, p98: 0, p99: 0, max: 0 });
});

test("one token of 320 that was stamped late is the largest error, and not what the harness is judged by", () => {
  const written = Array.from({ length: 320 }, (_, index) => index * 20 * ms);
  const tokens = written.map((at, index) => at + (index === 100 ? 55 : 0.5) * ms);
  const { stamp } = rulerError(singleErrors([{ id: "a", due: 0, sent: 0, tokens }], [{ id: "a", received: 0, written }]));
  expect(stamp).toEqual({ count: 320, p50: 0.0005, p95: 0.0005, max: 0.055 });
  expect(stamp && tailOfError(stamp)).toBe(0.0005);
});

test("a thread that was stopped six times in twelve seconds is judged by that, though a p95 has none of it", () => {
  const written = Array.from({ length: 520 }, (_, index) => index * 20 * ms);
  // Of every 90 tokens four came while it stood still.
  const tokens = written.map((at, index) => at + (index % 90 < 4 ? 80 - (index % 90) * 20 : 0.05) * ms);
  const { stamp } = rulerError(singleErrors([{ id: "a", due: 0, sent: 0, tokens }], [{ id: "a", received: 0, written }]));
  expect(stamp).toEqual({ count: 520, p50: 0.000_05, p95: 0.000_05, p98: 0.06, max: 0.08 });
  expect(stamp && tailOfError(stamp)).toBe(0.06);
});

test("errors of either sign are as large as they are, each gap is its own, and what only one of the two has does not count", () => {
  const truth = { id: "a", received: 0, written: [100 * ms, 120 * ms, 140 * ms, 160 * ms] };
  const stamped = { id: "a", due: 0, sent: 0, tokens: [105 * ms, 120 * ms, 141 * ms] };
  const error = errorOf([stamped], [truth]);
  expect(error.stamp).toEqual({ count: 3, p50: 0.001, max: 0.005 });
  expect(error.gap).toEqual({ count: 2, p50: 0.001, max: 0.005 });
  expect(errorOf([stamped], [{ ...truth, written: truth.written.slice(0, 2) }]).stamp).toEqual({ count: 2, p50: 0, max: 0.005 });
});

test("a request the engine knows nothing of counts for the schedule only", () => {
  expect(errorOf([{ id: "a", due: 0, sent: 2 * ms, tokens: [5 * ms] }], [])).toEqual({ slip: { count: 1, p50: 0.002, max: 0.002 } });
});

test("what is written to the journal is what is read back, each source by itself", () => {
  const error = {
    ttft: { count: 2, p50: 0.001, max: 0.002 },
    stamp: { count: 700, p50: 0.0001, p95: 0.0002, p98: 0.0004, p99: 0.0005, max: 0.01 },
  };
  const readings = rulerReadings("control stream", error).map((reading) => ({ at: 0, ...reading }));
  expect(rulerErrorOf(readings, "control stream")).toEqual(error);
  expect(rulerErrorOf(readings, "replay after")).toBeUndefined();
});

test("of figures that were written several times the last are of everything, and those that are not whole are none", () => {
  const written = [0.001, 0.002].flatMap((max) => rulerReadings("control stream", { stamp: { count: 2, p50: 0.001, max } }));
  const readings = written.map((reading) => ({ at: 0, ...reading }));
  expect(rulerErrorOf(readings, "control stream")?.stamp?.max).toBe(0.002);
  expect(rulerErrorOf(readings.slice(0, 2), "control stream")).toBeUndefined();
});
