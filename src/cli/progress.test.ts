import { expect, test } from "vitest";

import type { RunEvent } from "../model/runEvent.ts";
import { lineFor, progress, RunState } from "./progress.ts";

const events: readonly RunEvent[] = [
  { kind: "testStarted", test: "test_mine", engines: ["plain"], experiments: 1 },
  { kind: "booting", engine: "plain", command: "vllm serve", log: "logs/stdout.log" },
  { kind: "ready", engine: "plain", after: 41.4, url: "http://127.0.0.1:8000", facts: {} },
  {
    kind: "experimentStarted",
    experiment: 0,
    title: "8,192 tokens",
    order: "inTurn",
    engines: ["plain", "cached"],
    requests: 10,
    lasts: 72,
  },
  { kind: "requests", experiment: 0, engine: "plain", sent: 3, ended: 1, dropped: 0, failed: 0, ttft: 0.2 },
  { kind: "portShared", engine: "plain", message: "shares its port 8000 with process 42 (other)" },
  { kind: "interrupted", signal: "SIGINT" },
  { kind: "died", engine: "plain", message: "ended by SIGKILL" },
];

test("where every line stays there is one for each event that matters, and none for what requests come to", () => {
  const told: string[] = [];
  const terminal = { print: () => {}, tell: (text: string) => void told.push(text), interactive: false, columns: 80, colour: false };
  const shown = progress(terminal);
  for (const event of events) shown.tell(event);
  shown.done();
  expect(told).toEqual([
    "test_mine: plain; 1 experiment",
    "  plain: booting, log logs/stdout.log",
    "  plain: ready after 41 s, http://127.0.0.1:8000",
    "  experiment 0: 8,192 tokens; 10 requests, one engine after the other, about 1 min 12 s",
    "  plain: shares its port 8000 with process 42 (other)",
    "  SIGINT: no more requests are sent; what is in flight ends first (once more: kill and leave)",
    "  plain: ended by itself: ended by SIGKILL",
  ]);
});

test("where an engine's log is, is told from the directory one is in: the end of a line may be cut off", () => {
  const state = new RunState();
  state.apply(events[0]!);
  state.apply({ kind: "booting", engine: "plain", command: "vllm serve", log: `${process.cwd()}/outputs/stdout.log` });
  expect(state.lines()).toEqual(["  plain  booting, log outputs/stdout.log"]);
});

test("how many requests are done, under way and failed is grouped as everywhere", () => {
  const state = new RunState();
  for (const event of events.slice(0, 3)) state.apply(event);
  state.apply({ kind: "experimentStarted", experiment: 0, title: "many", order: "together", engines: ["plain"], requests: 300_000 });
  state.apply({
    kind: "requests",
    experiment: 0,
    engine: "plain",
    sent: 20_000,
    ended: 18_000,
    dropped: 0,
    failed: 1_000,
    ttft: undefined,
  });
  expect(state.lines()).toEqual(["  plain  ready after 41 s   18,000/300,000 done, 2,000 running, 1,000 failed"]);
});

test("how long first tokens take is told in the unit that suits them", () => {
  const state = new RunState();
  for (const event of events.slice(0, 4)) state.apply(event);
  for (const [ttft, shown] of [
    [0.0583, "58.3 ms"],
    [56.998, "57.0 s"],
  ] as const) {
    state.apply({ kind: "requests", experiment: 0, engine: "plain", sent: 0, ended: 0, dropped: 0, failed: 0, ttft });
    expect(state.lines().join("\n")).toContain(`TTFT ${shown}`);
  }
});

test("what our own error is measured with is said: streams, or a rate, whose streams are not known", () => {
  const error = "  this machine's own error: measured with";
  expect(lineFor({ kind: "calibrating", streams: 1, lasts: 3 })).toBe(`${error} 1 stream, about 3 s`);
  expect(lineFor({ kind: "calibrating", perSecond: 1_000, lasts: 5 })).toBe(
    `${error} 1,000 requests/s of short replies (with longer ones more streams are open), about 5 s`,
  );
});

test("an engine or a service that is unwell shows so while it is, and no longer than its experiment", () => {
  const engine = { name: "plain", engines: ["plain"], lasted: 3 } as const;
  const service = { name: "plain.redis", engines: ["plain"], lasted: 3 } as const;
  const unwell = [
    { kind: "unwell", ...engine, message: "/health answers 503" },
    { kind: "unwell", ...service, message: "takes no connection" },
  ] as const;
  expect(linesAfter(unwell)).toEqual(["plain.redis  unwell: takes no connection", "plain  unwell: /health answers 503"]);
  expect(linesAfter([...unwell, { kind: "wellAgain", ...engine }])).toEqual([
    "plain.redis  unwell: takes no connection",
    "plain  ready after 41 s",
  ]);
  expect(linesAfter([...unwell, { kind: "wellAgain", ...service }])).toEqual(["plain  unwell: /health answers 503"]);
  expect(linesAfter([...unwell, { kind: "experimentEnded", experiment: 0, took: 9 }])).toEqual(["plain  ready after 41 s"]);
  const died = { kind: "serviceDied", service: "plain.redis", engines: ["plain"], message: "gone" } as const;
  expect(linesAfter([...unwell, { kind: "died", engine: "plain", message: "gone" }, died])).toEqual(["plain.redis  died", "plain  died"]);
});

function linesAfter(happened: readonly RunEvent[]): readonly string[] {
  const state = new RunState();
  for (const event of [...events.slice(0, 3), ...happened]) state.apply(event);
  return state.lines().map((line) => line.trim());
}
