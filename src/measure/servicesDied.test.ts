import { expect, test } from "vitest";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import { serviceReasons } from "./servicesDied.ts";

const died: TimedEvent = { at: 5e9, event: { kind: "serviceDied", service: "kv.redis", engines: ["one", "other"], message: "" } };

function experimentUntil(to: number): ExperimentResult {
  return { span: { from: 1e9, to } } as ExperimentResult; // nothing else of it is looked at
}

test("a service that died before an experiment was over makes each of its engines INVALID there, and not in one that was over", () => {
  expect(serviceReasons(experimentUntil(6e9), [died]).map(({ state, engine }) => [state, engine])).toEqual([
    ["INVALID", "one"],
    ["INVALID", "other"],
  ]);
  expect(serviceReasons(experimentUntil(4e9), [died])).toEqual([]);
});
