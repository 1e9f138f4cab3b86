import { expect, test } from "vitest";
import { throttleReasons, throttlingOf } from "./throttling.ts";

test.each([
  [0x0, []],
  [0x1, ["idle"]],
  [0x4, ["software power cap"]],
  [0x48, ["hardware slowdown", "hardware thermal slowdown"]],
  [0x1b2, ["applications clocks", "sync boost", "software thermal slowdown", "hardware power brake", "display clock setting"]],
])("the mask %d is told in words", (mask, words) => {
  expect(throttleReasons(mask)).toEqual(words);
});

test("what held a clock down is counted by reason, where it is asked for alone, and of no GPU that told nothing then", () => {
  const throttled = (of: string, at: number, value: number) => ({ at, series: "gpu-throttle-reasons", of, value });
  const readings = [0x20, 4, 4, 0xc, 0x24].map((value, at) => throttled("gpu-0", at, value));
  const others = [throttled("gpu-1", 0, 0x20), { at: 1, series: "gpu-power-watts", of: "gpu-0", value: 0x40 }];
  const found = throttlingOf([...readings, ...others], (at) => at > 0);
  expect(found).toEqual([{ gpu: "gpu-0", shares: { "software power cap": 1, "software thermal slowdown": 0.25 }, faulty: 0.25 }]);
});
