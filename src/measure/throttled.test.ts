import { expect, test } from "vitest";
import type { LimitChanges } from "../model/limits.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import { experimentOf, record } from "./fixture.ts";
import { throttlingReasons } from "./throttled.ts";

test.each([
  ["software thermal slowdown", [4, 4, 0x24, 4], 25, "software thermal slowdown"],
  ["hardware slowdown by heat", [4, 0x4c, 4, 4], 25, "hardware slowdown, hardware thermal slowdown"],
  ["power brake", [0x88, 4, 4, 4], 25, "hardware slowdown, hardware power brake"],
  ["hardware slowdown twice in a row", [4, 8, 8, 4], 50, "hardware slowdown"],
])("a GPU of an engine in %s degrades the run", (_name, masks, percent, told) => {
  const [reason, ...others] = throttlingReasons(read(masks, "gpu-0"), [engine({ gpus: ["0"] })]);
  expect(others).toEqual([]);
  expect(reason?.state).toBe("DEGRADED");
  expect(reason?.what).toBe(`gpu-0 (plain) was slowed down in ${percent} % of its readings: ${told}`);
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

test("of engines in turn on one GPU each has its own share, of its own turn, whether they are up together or not", () => {
  const hot = 0x20;
  const masks = [hot, hot, 1, 1, hot, 4, 4, 4];
  const readings = masks.map((value, second) => ({ at: second * 1e9, series: "gpu-throttle-reasons", of: "gpu-0", value }));
  const starts = [
    { engine: "plain", block: 0, at: 0 },
    { engine: "cached", block: 0, at: 4e9 },
  ];
  const records = ["plain", "cached"].map((engine) => record([[engine === "plain" ? 1.5 : 3]], { engine }));
  const experiment = { ...experimentOf(records, readings), starts, span: { from: 0, to: 7e9 } };
  const told = (...engines: readonly EngineDescription[]) => throttlingReasons(experiment, engines).map(({ what }) => what);
  const shares = ["gpu-0 (plain) was slowed down in 100 % of its", "gpu-0 (cached) was slowed down in 25 % of its"];
  const readingsOf = shares.map((start) => `${start} readings: software thermal slowdown`);
  expect(told(engine({ gpus: ["0"] }), engine({ name: "cached", gpus: ["0"], batch: 1 }))).toEqual(readingsOf);
  expect(told(engine({ gpus: ["0"] }), engine({ name: "cached", gpus: ["1"] }))).toEqual(readingsOf.slice(0, 1));
  expect(told(engine({ gpus: ["1"] }), engine({ name: "cached", gpus: ["0"] }))).toEqual(readingsOf.slice(1));
});

function read(masks: readonly number[], of: string, limits: LimitChanges = {}): ExperimentResult {
  const readings = masks.map((value, index) => ({ at: index * 2e8, series: "gpu-throttle-reasons", of, value }));
  const { description, ...result } = experimentOf([record([[masks.length / 5]])], readings);
  return { ...result, description: { ...description, limits } };
}

function engine(change: Partial<EngineDescription>): EngineDescription {
  const plain = { name: "plain", kind: "vllm", model: "tiny", simulated: false, features: [], gpus: [], api: "chat", batch: 0 } as const;
  return { ...plain, ...change };
}
