import { expect, test } from "vitest";
import { experimentOf, record } from "../measure/fixture.ts";
import type { EngineDescription } from "../model/result.ts";
import type { Seconds } from "../model/time.ts";
import { telemetryFigure } from "./telemetry.ts";
import { telemetryJson } from "./telemetryJson.ts";

test("what held a clock down is told of the engine that had the GPU then, and not of one that had it before", () => {
  const hot = [1, 2, 3, 4].map((at) => read("gpu-throttle-reasons", at, 0x40));
  const capped = [101, 102, 103, 104].map((at) => read("gpu-throttle-reasons", at, at < 103 ? 4 : 0));
  const power = [1, 101].map((at) => read("gpu-power-watts", at, 300));
  const experiment = {
    ...experimentOf(
      ["plain", "cached"].map((engine) => record([[5]], { engine })),
      [...power, ...hot, ...capped],
    ),
    starts: [
      { engine: "plain", block: 0, at: 0 },
      { engine: "cached", block: 0, at: 100e9 },
    ],
    span: { from: 0, to: 105e9 },
  };
  const engines = [engine("plain", 0), engine("cached", 1)];
  expect(telemetryJson(experiment, engines)).toMatchObject({
    gpus: [
      { engines: ["plain"], throttled_by_share: { "hardware thermal slowdown": 1 } },
      { engines: ["cached"], throttled_by_share: { "software power cap": 0.5 } },
    ],
  });
  expect(telemetryFigure(experiment, engines)).toMatchObject([
    {
      note: "What held clocks down, in shares of readings: gpu-0 (plain) hardware thermal slowdown 100 %; gpu-0 (cached) software power cap 50 %.",
    },
  ]);
});

test("what an engine tells once a second is not drawn of a burst that was over before", () => {
  const titles = (seconds: Seconds) => {
    const readings = [0, seconds].map((at) => ({ at: at * 1e9, series: "running-requests", of: "plain", value: 0 }));
    const [figure] = telemetryFigure(
      { ...experimentOf([record([[seconds / 2], [seconds]])], readings), span: { from: 0, to: seconds * 1e9 } },
      [engine("plain", 0)],
    );
    return figure?.kind === "figure" ? figure.alt : "";
  };
  expect(titles(3)).toContain("Requests in flight, as Tandem sees them; Requests running");
  expect(titles(0.4)).toMatch(/Requests in flight, as Tandem sees them, /);
});

function read(series: string, at: Seconds, value: number) {
  return { at: at * 1e9, series, of: "gpu-0", value };
}

function engine(name: string, batch: number): EngineDescription {
  return { name, kind: "vllm", model: "tiny", simulated: false, features: [], gpus: ["0"], api: "chat", batch };
}
