import { expect, test } from "vitest";
import { lastMoment, momentsOf } from "../model/chunks.ts";
import { record } from "./fixture.ts";
import {
  e2e,
  e2eFromDue,
  gaps,
  opening,
  sendLag,
  throughput,
  timeToHeaders,
  tokenEvents,
  tokensOfEvents,
  tpot,
  ttft,
  ttftFromDue,
} from "./latency.ts";

// Due at 1 s, sent 2 ms late, headers 30 ms later, a role, four tokens in three events, then usage.
const usual = record([[1.5, "role"], [2.002], [2.102], [2.202, "text", 2], [2.3, "usage"], [2.3, "done"]], {
  due: 1,
  sent: 1.002,
  headers: 1.032e9,
});

test("TTFT runs from sent to the first generated event, not to the role", () => {
  expect(ttft(usual)).toBeCloseTo(1, 9);
  expect(ttftFromDue(usual)).toBeCloseTo(1.002, 9);
});

test("what lies beside a request's pieces in their columns is of other requests, and none of its times come from there", () => {
  const { chunks } = record([[7], [2, "role"], [2.5], [2.6, "text", 3], [9], [9.5]]);
  const own = { ...usual, outputTokens: 4, chunks: { ...chunks, from: 1, to: 4 } };
  expect(ttft(own)).toBeCloseTo(1.498, 9);
  expect(e2e(own)).toBeCloseTo(1.598, 9);
  expect(tpot(own)).toBeCloseTo(0.1 / 3, 9);
  expect([tokensOfEvents(own), tokenEvents(own)]).toEqual([4, 2]);
  expect(gaps([own])).toMatchObject({ weights: Int32Array.of(3), counts: Int32Array.of(1) });
  expect([[...momentsOf(own.chunks)], lastMoment(own.chunks)]).toEqual([[2e9, 2.5e9, 2.6e9], 2.6e9]);
  const unanswered = { ...usual, chunks: { ...chunks, from: 4, to: 4 } };
  const roleOnly = { ...usual, chunks: { ...chunks, from: 1, to: 2 } };
  for (const none of [unanswered, roleOnly])
    expect([ttft(none), e2e(none), tpot(none), tokensOfEvents(none)]).toEqual([undefined, undefined, undefined, 0]);
  expect(lastMoment(unanswered.chunks)).toBeUndefined();
});

test("reasoning and tool calls are generated tokens; empty events are not", () => {
  expect(ttft(record([[0.1, "empty"], [0.2, "reasoning", 1], [0.3]]))).toBeCloseTo(0.2, 9);
  expect(
    ttft(
      record([
        [0.1, "usage"],
        [0.4, "tool", 1],
      ]),
    ),
  ).toBeCloseTo(0.4, 9);
});

test("E2E latency ends with the last generated event, not with usage or the end of the body", () => {
  expect(e2e(usual)).toBeCloseTo(1.2, 9);
  expect(e2eFromDue(usual)).toBeCloseTo(1.202, 9);
});

test("of a request sent twice the harness was as late as its first attempt, and nobody knows how late where only the second is known", () => {
  const twice = { ...usual, attempts: 2 };
  expect(sendLag({ ...twice, firstSent: usual.due + 1_000_000 })).toBeCloseTo(0.001, 9);
  expect(sendLag(twice)).toBeUndefined();
});

test("time to headers, send lag and the opening of a connection have their own stamps", () => {
  expect(timeToHeaders(usual)).toBeCloseTo(0.03, 9);
  expect(sendLag(usual)).toBeCloseTo(0.002, 9);
  expect(opening({ ...usual, opened: 1.012e9 })).toBeCloseTo(0.01, 9);
  expect(opening(usual)).toBeUndefined();
});

test("TPOT is (E2E - TTFT) / (tokens - 1), throughput its inverse", () => {
  expect(tpot(usual)).toBeCloseTo(0.2 / 3, 9);
  expect(throughput(usual)).toBeCloseTo(15, 9);
});

test("tokens that came with the first event came in no part of the time after it: eight an event, every 40 ms, are 5 ms a token", () => {
  const eight = record([0, 1, 2, 3].map((event) => [1 + event * 0.04, "text", 8]));
  expect(tpot(eight)).toBeCloseTo(0.005, 9);
  expect(throughput(eight)).toBeCloseTo(200, 9);
});

test("TPOT and throughput are missing below two tokens, and where all came at once", () => {
  const oneInTwoEvents = record([[1], [2]], { outputTokens: 1 });
  for (const reply of [record([]), record([[1]]), oneInTwoEvents, record([[1], [1]]), record([[1, "text", 20]])]) {
    expect([tpot(reply), throughput(reply)]).toEqual([undefined, undefined]);
  }
});

test("a reply of two tokens has one gap", () => {
  expect(tpot(record([[1], [1.5]]))).toBeCloseTo(0.5, 9);
});

test("an event of k tokens is one gap of weight k; role, usage and done open none", () => {
  const { seconds, weights } = gaps([usual]);
  expect([...seconds].map((gap) => gap.toFixed(6))).toEqual(["0.100000", "0.100000"]);
  expect([...weights]).toEqual([1, 2]);
});

test("gaps of 0 in a row lie in one place, with the weight of all; each counts", () => {
  const { seconds, weights, counts } = gaps([record([[1], [1], [1, "text", 3], [1.5], [1.5]])]);
  expect([[...seconds], [...weights], [...counts]]).toEqual([[0, 0.5, 0], [4, 1, 1], [4]]);
});

test("an event that says it brought no token lies within a gap", () => {
  const { seconds, weights } = gaps([record([[1], [1.1, "text", 0], [1.3]])]);
  expect([[...seconds].map((gap) => gap.toFixed(6)), [...weights]]).toEqual([["0.300000"], [1]]);
});

test("tokens of events are counted without what carries none", () => {
  expect(tokensOfEvents(usual)).toBe(4);
});

test("what was not stamped is missing", () => {
  const { sent: _, ...unsent } = record([]);
  expect([ttft, ttftFromDue, timeToHeaders, e2e, e2eFromDue, sendLag, tpot, throughput].map((metric) => metric(unsent))).toEqual(
    Array.from({ length: 8 }),
  );
  expect(gaps([unsent]).seconds).toHaveLength(0);
});
