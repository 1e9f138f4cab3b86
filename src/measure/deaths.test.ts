import { expect, test } from "vitest";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { deathReasons } from "./deaths.ts";

function experimentUntil(to: number): ExperimentResult {
  return { span: { from: 1e9, to } } as ExperimentResult; // nothing else of it is looked at
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

test("an engine that did not come up is named in every experiment, those that others had finished included", () => {
  const notUp: RunEvent = {
    kind: "notUp",
    engine: "one",
    message: "engine one was ended by SIGKILL before it was ready\n  command: vllm serve",
  };
  const [reason] = reasons(notUp);
  expect(reason).toEqual(["INVALID", "one", "did not come up: was ended by SIGKILL before it was ready"]);
  expect(reasons(notUp, 4e9)).toEqual([reason]);
});
