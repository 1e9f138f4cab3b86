import { expect, test } from "vitest";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { deathOf, deathReasons } from "./deaths.ts";

const experiment = { index: 0 } as ExperimentResult; // nothing else of it is looked at

function started(index: number, ...engines: readonly string[]): RunEvent {
  return { kind: "experimentStarted", experiment: index, title: "", order: "inTurn", engines, requests: 2 };
}

function ended(index: number): RunEvent {
  return { kind: "experimentEnded", experiment: index, took: 5 };
}

function died(engine: string): RunEvent {
  return { kind: "died", engine, message: `${engine} exited with status 1\n  command: vllm serve` };
}

/** A second apart. */
function timed(...events: readonly RunEvent[]): readonly TimedEvent[] {
  return events.map((event, second) => ({ at: second * 1e9, event }));
}

/** Of what happens at 5 s, where the experiment goes on until then. */
function reasons(event: RunEvent, until = 6e9): readonly (readonly (string | undefined)[])[] {
  const events: readonly TimedEvent[] = [
    { at: 1e9, event: started(0, "one", "other") },
    ...(until < 5e9 ? [{ at: until, event: ended(0) }] : []),
    { at: 5e9, event },
    ...(until < 5e9 ? [] : [{ at: until, event: ended(0) }]),
  ];
  return deathReasons(experiment, events).map(({ state, engine, what }) => [state, engine, what]);
}

/** The engines that make each of two experiments INVALID. */
function concerned(...events: readonly RunEvent[]): readonly (readonly (string | undefined)[])[] {
  return [0, 1].map((index) => deathReasons({ ...experiment, index }, timed(...events)).map(({ engine }) => engine));
}

test("a service that died before an experiment was over makes each of its engines INVALID there, and not in one that was over", () => {
  const message = "service kv.redis was ended by SIGKILL\n  command: redis-server";
  const gone: RunEvent = { kind: "serviceDied", service: "kv.redis", engines: ["one", "other"], message };
  expect(reasons(gone)).toEqual([
    ["INVALID", "one", "service kv.redis was ended by SIGKILL while engines needed it"],
    ["INVALID", "other", "service kv.redis was ended by SIGKILL while engines needed it"],
  ]);
  expect(reasons(gone, 4e9)).toEqual([]);
});

test("so does an engine itself, however few of its requests failed", () => {
  expect(reasons(died("one"))).toEqual([["INVALID", "one", "exited with status 1 while it was measured"]]);
  expect(reasons(died("one"), 4e9)).toEqual([]);
});

test("of an experiment that was to come it is not said that the engine was measured then", () => {
  const events = timed(started(0, "one"), died("one"), ended(0));
  const whats = [0, 1].map((index) => deathReasons({ ...experiment, index }, events).map(({ what }) => what));
  expect(whats).toEqual([["exited with status 1 while it was measured"], ["exited with status 1 before this experiment began"]]);
});

const plainsBatch = [started(0, "plain"), ended(0), started(1, "plain"), ended(1)];

test("of engines that are up one after the other, one that dies when it has played all experiments is a reason in none", () => {
  const cachedsBatch = [started(0, "cached"), ended(0), started(1, "cached"), ended(1)];
  expect(concerned(...plainsBatch, died("plain"), ...cachedsBatch)).toEqual([[], []]);
});

test("one that dies in an experiment, or before it, is missing in all that it has not yet played, also where the others have", () => {
  expect(concerned(...plainsBatch, started(0, "cached"), died("cached"), ended(0))).toEqual([["cached"], ["cached"]]);
  expect(concerned(...plainsBatch, started(0, "cached"), ended(0), died("cached"))).toEqual([[], ["cached"]]);
  expect(concerned(...plainsBatch, died("cached"))).toEqual([["cached"], ["cached"]]);
  expect(concerned(started(0, "plain"), died("plain"))).toEqual([["plain"], ["plain"]]);
});

test("a service that engines need one after the other concerns those that had not finished", () => {
  const gone: RunEvent = { kind: "serviceDied", service: "redis", engines: ["plain", "cached"], message: "service redis was ended" };
  const events = [...plainsBatch, started(0, "cached"), gone, ended(0)];
  expect(concerned(...events)).toEqual([["cached"], ["cached"]]);
  expect(deathOf("redis", experiment, timed(...events))).toBe(5e9);
  expect(deathOf("redis", experiment, timed(...plainsBatch, started(0, "cached"), ended(0), gone))).toBeUndefined();
});

test("an engine that did not come up is named in every experiment, those that others had finished included", () => {
  const notUp: RunEvent = {
    kind: "notUp",
    engine: "one",
    message: "engine one was ended by SIGKILL before it was ready\n  command: vllm serve",
  };
  const [reason] = reasons(notUp);
  expect(reason).toEqual(["INVALID", "one", "was ended by SIGKILL before it was ready"]);
  expect(reasons(notUp, 4e9)).toEqual([reason]);
});

test("a boot that was cut short by another engine's end is no reason of its own, and a service that did not come up is one", () => {
  const cause = "engine one was ended by SIGKILL before it was ready";
  const events: readonly RunEvent[] = [
    { kind: "notUp", engine: "one", message: `${cause}\n  command: vllm serve` },
    { kind: "notUp", engine: "other", message: `engine other was ended while it booted: ${cause}` },
    { kind: "serviceNotUp", service: "kv.redis", message: "service kv.redis was not ready within 9 s: it does not answer" },
  ];
  const found = deathReasons(
    experiment,
    events.map((event) => ({ at: 1e9, event })),
  );
  expect(found.map(({ engine, what }) => [engine, what])).toEqual([
    ["one", "was ended by SIGKILL before it was ready"],
    [undefined, "service kv.redis was not ready within 9 s: it does not answer"],
  ]);
});

test("an engine whose boot a person interrupted did not fail to come up", () => {
  const events: readonly RunEvent[] = [
    { kind: "interrupted", signal: "SIGINT" },
    { kind: "notUp", engine: "one", message: "engine one was ended while it booted: the run was interrupted" },
  ];
  expect(
    deathReasons(
      experiment,
      events.map((event) => ({ at: 1e9, event })),
    ),
  ).toEqual([]);
  // One that had failed by then did.
  expect(deathReasons(experiment, timed(...events.toReversed()))).toMatchObject([{ state: "INVALID", engine: "one" }]);
});

test("an engine that dies when its experiment is over did not die in it", () => {
  expect(deathOf("plain", experiment, timed(...plainsBatch, died("plain")))).toBeUndefined();
  expect(deathOf("plain", experiment, timed(started(0, "plain"), died("plain"), ended(0)))).toBe(1e9);
});

test("of a server that nobody started, what to do stands there instead of a log that there is not", () => {
  const message = "engine server cannot be measured at http://127.0.0.1:9: /v1/models does not answer (ECONNREFUSED)";
  const event: RunEvent = { kind: "notUp", engine: "server", message, hint: "start the server" };
  expect(deathReasons(experiment, [{ at: 1e9, event }])).toEqual([
    { state: "INVALID", engine: "server", what: message.replace("engine server ", ""), advice: "start the server" },
  ]);
});
