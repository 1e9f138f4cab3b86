import { expect, test } from "vitest";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { deathReasons } from "./deaths.ts";

function experimentUntil(to: number): ExperimentResult {
  return { index: 0, span: { from: 1e9, to } } as ExperimentResult; // nothing else of it is looked at
}

function reasons(event: RunEvent, until = 6e9): readonly (readonly (string | undefined)[])[] {
  const events: readonly TimedEvent[] = [{ at: 5e9, event }];
  return deathReasons(experimentUntil(until), events).map(({ state, engine, what }) => [state, engine, what]);
}

test("a service that died before an experiment was over makes each of its engines INVALID there, and not in one that was over", () => {
  const message = "service kv.redis was ended by SIGKILL\n  command: redis-server";
  const died: RunEvent = { kind: "serviceDied", service: "kv.redis", engines: ["one", "other"], message };
  expect(reasons(died)).toEqual([
    ["INVALID", "one", "service kv.redis was ended by SIGKILL while engines needed it"],
    ["INVALID", "other", "service kv.redis was ended by SIGKILL while engines needed it"],
  ]);
  expect(reasons(died, 4e9)).toEqual([]);
});

test("so does an engine itself, however few of its requests failed", () => {
  const died: RunEvent = { kind: "died", engine: "one", message: "one exited with status 1\n  command: vllm serve" };
  expect(reasons(died)).toEqual([["INVALID", "one", "exited with status 1 while it was measured"]]);
  expect(reasons(died, 4e9)).toEqual([]);
});

test("one that the last look finds gone, after the last request, was gone in that experiment, and in none that was over before", () => {
  const events: readonly TimedEvent[] = [
    { at: 4.5e9, event: { kind: "experimentEnded", experiment: 1, took: 3 } },
    { at: 6.2e9, event: { kind: "died", engine: "server", message: "server refuses connections (ECONNREFUSED at http://127.0.0.1:9)" } },
    { at: 6.3e9, event: { kind: "experimentEnded", experiment: 0, took: 5 } },
  ];
  const found = (experiment: ExperimentResult) => deathReasons(experiment, events).map(({ state, what }) => [state, what]);
  const what = "refuses connections (ECONNREFUSED at http://127.0.0.1:9) while it was measured";
  expect(found(experimentUntil(6e9))).toEqual([["INVALID", what]]);
  expect(found({ ...experimentUntil(4e9), index: 1 })).toEqual([]);
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
    experimentUntil(6e9),
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
      experimentUntil(6e9),
      events.map((event) => ({ at: 1e9, event })),
    ),
  ).toEqual([]);
});

test("of a server that nobody started, what to do stands there instead of a log that there is not", () => {
  const message = "engine server cannot be measured at http://127.0.0.1:9: /v1/models does not answer (ECONNREFUSED)";
  const event: RunEvent = { kind: "notUp", engine: "server", message, hint: "start the server" };
  expect(deathReasons(experimentUntil(6e9), [{ at: 1e9, event }])).toEqual([
    { state: "INVALID", engine: "server", what: message.replace("engine server ", ""), advice: "start the server" },
  ]);
});
