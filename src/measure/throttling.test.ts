import { expect, test } from "vitest";
import type { LimitChanges } from "../model/limits.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import { answered, experimentOf } from "./fixture.ts";
import { throttleReasons, throttlingOf, throttlingReasons } from "./throttling.ts";

test.each([
  [0x0, []],
  [0x1, ["idle"]],
  [0x4, ["software power cap"]],
  [0x48, ["hardware slowdown", "hardware thermal slowdown"]],
  [0x1b2, ["applications clocks", "sync boost", "software thermal slowdown", "hardware power brake", "display clock setting"]],
])("the mask %d is told in words", (mask, words) => {
  expect(throttleReasons(mask)).toEqual(words);
});

test("what held a clock down is counted by reason, where it is asked for alone", () => {
  const before = [{ at: -1, series: "gpu-throttle-reasons", of: "gpu-0", value: 0x20 }];
  const experiment = read([4, 4, 4, 0x24], "gpu-0");
  const found = throttlingOf([...before, ...experiment.readings], (at) => at >= 0);
  expect(found).toEqual([{ gpu: "gpu-0", shares: { "software power cap": 1, "software thermal slowdown": 0.25 }, faulty: 0.25 }]);
});

test.each([
  ["software thermal slowdown", [4, 4, 0x24, 4], "software thermal slowdown"],
  ["hardware slowdown by heat", [4, 0x4c, 4, 4], "hardware slowdown, hardware thermal slowdown"],
  ["power brake", [0x88, 4, 4, 4], "hardware slowdown, hardware power brake"],
  ["hardware slowdown twice in a row", [4, 8, 8, 4], "hardware slowdown"],
])("a GPU of an engine in %s degrades the run", (_name, masks, told) => {
  const [reason, ...others] = throttlingReasons(read(masks, "gpu-0"), [engine({ gpus: ["0"] })]);
  expect(others).toEqual([]);
  expect(reason?.state).toBe("DEGRADED");
  expect(reason?.what).toMatch(new RegExp(`^gpu-0 was slowed down in (25|50) % of its readings: ${told}$`));
});

test.each([
  ["at its power cap", [4, 4, 4, 4], "gpu-0", {}],
  ["idle", [1, 1, 1, 1], "gpu-0", {}],
  ["whose clocks change", [1, 8, 4, 4], "gpu-0", {}],
  ["of nobody", [0x20, 0x20], "gpu-1", {}],
  ["in an experiment that does not mind", [0x20, 0x20], "gpu-0", { throttled: false }],
] as const)("a GPU %s is no reason", (_name, masks, gpu, limits) => {
  expect(throttlingReasons(read(masks, gpu, limits), [engine({ gpus: ["0"] })])).toEqual([]);
});

test("a server that is up already, or a GPU named by its UUID, may have any GPU of this machine", () => {
  const hot = read([0x20], "gpu-3");
  const judged = [
    engine({ url: "http://127.0.0.1:8000" }),
    engine({ gpus: ["GPU-5f0c"] }),
    engine({ url: "https://far.example" }),
    engine({}),
  ].map((one) => throttlingReasons(hot, [one]).length);
  expect(judged).toEqual([1, 1, 0, 0]);
});

function read(masks: readonly number[], of: string, limits: LimitChanges = {}): ExperimentResult {
  const readings = masks.map((value, index) => ({ at: index * 2e8, series: "gpu-throttle-reasons", of, value }));
  const { description, ...result } = experimentOf(answered("plain", [0.5]), readings);
  return { ...result, description: { ...description, limits } };
}

function engine(change: Partial<EngineDescription>): EngineDescription {
  const plain = { name: "plain", kind: "vllm", model: "tiny", simulated: false, features: [], gpus: [], api: "chat", batch: 0 } as const;
  return { ...plain, ...change };
}
