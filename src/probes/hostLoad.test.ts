import { expect, test } from "vitest";

import { timesIn } from "./hostLoad.ts";

test("steal is the eighth number of proc(5)'s cpu line, guest time is not counted twice, and three threads share two cores", () => {
  const stat = "cpu  100 10 50 800 20 5 5 10 30 4\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\nprocs_running 3\nprocs_blocked 0\n";
  expect(timesIn(stat)).toEqual({ steal: 10, all: 1_000, runnablePerCore: 1.5 });
});

test("a machine without /proc/stat has no values, not zeros", () => {
  expect(timesIn("")).toBeUndefined();
});
