import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Line } from "../model/exchange.ts";
import { defaultDeadlines, type Deadlines } from "../model/experiment.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Nanoseconds } from "../model/time.ts";
import { drive } from "./drive.ts";
import { together } from "./order.ts";
import type { Phase } from "./phase.ts";
import { plainRequest } from "./testServer.ts";

const millisecond = 1_000_000;
const clock = realClock();

/** On a line that is busy for so many milliseconds with each request. */
async function playOn(
  takes: (request: number) => number,
  phase: Phase,
  deadlines: Partial<Deadlines>,
  answers: (request: number) => boolean = () => true,
  signal: AbortSignal = new AbortController().signal,
) {
  const counts = { prepared: 0, sent: 0, discarded: 0 };
  const line: Line = {
    open: async () => {},
    prepare: (request) => {
      counts.prepared++;
      return { request };
    },
    send: (prepared, listener) => {
      const { request } = prepared as { request: { id: number } };
      counts.sent++;
      listener.sent(clock.now(), false);
      for (const end = clock.now() + takes(request.id) * millisecond; clock.now() < end;);
      if (answers(request.id)) clock.at(clock.now(), () => listener.ended(clock.now(), { outcome: { kind: "completed" } }));
      return { abort: (outcome) => listener.ended(clock.now(), { outcome }) };
    },
    discard: () => counts.discarded++,
    close: () => {},
  };
  const records: { readonly due: Nanoseconds; lag?: Nanoseconds; took?: Nanoseconds; outcome?: Outcome }[] = [];
  const recorder: Recorder = {
    due: ({ start, due }) => records.push({ due: start + due }) - 1,
    stamp: (exchange, kind, at) => {
      const record = records[exchange];
      if (kind === "sent" && record !== undefined) record.lag = at - record.due;
    },
    ended: (exchange, at, { outcome }) => {
      const record = records[exchange];
      Object.assign(record ?? {}, { outcome, took: at - (record?.due ?? 0) });
    },
    texts: () => {},
    reading: () => {},
  };
  await drive({
    experiment: 0,
    phases: [phase],
    lines: { a: line },
    clock,
    deadlines: { ...defaultDeadlines, ...deadlines },
    recorder,
    signal,
    keepText: false,
  });
  return { counts, records };
}

const everyMillisecond = Array.from({ length: 300 }, (_, id) => plainRequest({ id, arrival: { kind: "at", offset: id / 1_000 } }));
/** Five times as many as are due. */
const tooSlow = () => 5;
const scheduled = together(["a"], { kind: "test", options: {}, seed: 1, requests: everyMillisecond }, 1)[0] ?? [];

test("what could not be sent in time is dropped and recorded where the experiment says so", async () => {
  const { counts, records } = await playOn(tooSlow, scheduled, { send: 0.05 });
  const dropped = records.filter(({ outcome }) => outcome?.kind === "dropped");
  const sent = records.filter(({ lag }) => lag !== undefined);
  expect(records).toHaveLength(300);
  expect(records.every(({ outcome }) => outcome !== undefined)).toBe(true);
  expect(dropped[0]?.outcome).toEqual({ kind: "dropped", reason: "not sent within 0.05 s of its time" });
  expect(dropped.length + sent.length).toBe(300);
  // Of 300 ms and the 50 after it, 5 ms each; on a busy machine fewer, and none is given up before its time.
  expect(Math.min(...dropped.map(({ took = 0 }) => took))).toBeGreaterThanOrEqual(50 * millisecond);
  expect(sent.length).toBeGreaterThan(0);
  expect(sent.length).toBeLessThan(75);
  // Looked at just before it is sent: a thread that loses its core between the two is later. Without the look nearly all would be.
  const inTime = sent.filter(({ lag = Infinity }) => lag < 55 * millisecond);
  expect(inTime.length).toBeGreaterThan(0.5 * sent.length);
  expect(counts.discarded + counts.sent).toBe(counts.prepared);
});

test("what had fallen due and was not sent when the run was interrupted is recorded, as cancelled", async () => {
  const interrupt = new AbortController();
  const interruption: Nanoseconds[] = [];
  const takes = (request: number) => {
    if (request !== 20) return 5;
    interruption.push(clock.now());
    interrupt.abort();
    interruption.push(clock.now());
    return 5;
  };
  const { records } = await playOn(takes, scheduled, {}, undefined, interrupt.signal);
  const sent = records.filter(({ lag }) => lag !== undefined);
  const cancelled = records.filter(({ outcome }) => outcome?.kind === "cancelled");
  expect(sent).toHaveLength(21);
  expect(records.length).toBe(sent.length + cancelled.length);
  // One each millisecond until the interruption, which takes a while on a busy machine; 300 are all there are.
  const [before = 0, after = 0] = interruption.map((at) => Math.min(300, Math.floor((at - (records[0]?.due ?? 0)) / millisecond) + 1));
  expect(records.length).toBeGreaterThanOrEqual(before);
  expect(records.length).toBeLessThanOrEqual(after);
});

test("it is sent late where the experiment says nothing", async () => {
  const { records } = await playOn(tooSlow, scheduled, {});
  expect(records.every(({ outcome }) => outcome?.kind === "completed")).toBe(true);
  expect(records.at(-1)?.lag).toBeGreaterThan(1_000 * millisecond);
});

test("a follower whose time has passed before it could be sent is dropped: whoever merely waits for it goes on, whoever contains its reply does not", async () => {
  const first = plainRequest({ id: 0, arrival: { kind: "at", offset: 0 } });
  // Follows too: were it due by the schedule, a first one that is late would end only after it.
  const blocking = plainRequest({ id: 3, arrival: { kind: "after", request: 0, pause: 0.005 } });
  const follower = plainRequest({ id: 1, arrival: { kind: "after", request: 0, pause: 0.02 } });
  const next = plainRequest({ id: 2, arrival: { kind: "after", request: 1, pause: 0 } });
  const parts = [{ kind: "reply", request: 1, source: "own" }] as const;
  const containing = {
    ...plainRequest({ id: 4, arrival: { kind: "after", request: 1, pause: 0 } }),
    messages: [{ role: "user", parts }],
  } as const;
  const phase =
    together(["a"], { kind: "test", options: {}, seed: 1, requests: [first, blocking, follower, next, containing] }, 1)[0] ?? [];
  const { counts, records } = await playOn((request) => (request === 3 ? 600 : 0), phase, { send: 0.3 });
  const reasons = records.flatMap(({ outcome }) => (outcome?.kind === "dropped" ? [outcome.reason] : []));
  expect(records).toHaveLength(5);
  expect(reasons).toEqual(["not sent within 0.3 s of its time", "request 1, whose reply it contains, was dropped"]);
  expect(counts).toEqual({ prepared: 4, sent: 3, discarded: 1 });
});

test("an experiment's limit holds also while requests that fell due before it are late", async () => {
  const { records } = await playOn(tooSlow, scheduled, { experiment: 0.25 });
  const sent = records.filter(({ lag }) => lag !== undefined);
  const dropped = records.filter(({ outcome }) => outcome?.kind === "dropped");
  expect(records).toHaveLength(300);
  expect(sent.length + dropped.length).toBe(300);
  // 5 ms each; all of them would take a second and a half.
  expect(sent.length).toBeLessThan(60);
  expect(dropped[0]?.outcome).toEqual({ kind: "dropped", reason: "the experiment's time of 0.25 s was up" });
});

test("a request without an answer is given up in time also while others that fell due before are late", async () => {
  const { records } = await playOn(tooSlow, scheduled, { firstToken: 0.1 }, (request) => request !== 0);
  expect(records[0]?.outcome).toMatchObject({ kind: "failed", code: "first-token-timeout" });
  expect(records[0]?.took).toBeGreaterThanOrEqual(100 * millisecond);
  // Once the others are sent it would be found after a second and a half; before, a busy machine may stand still for a while.
  expect(records[0]?.took).toBeLessThan(1_000 * millisecond);
});
