import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { coresAllowed, coresIn, coresLeftBy } from "./cores.ts";

test("a list of cores is read range by range", () => {
  expect(["0", "0-1", "0-3,8", "1,3,5-6"].map(coresIn)).toEqual([[0], [0, 1], [0, 1, 2, 3, 8], [1, 3, 5, 6]]);
});

test.runIf(process.platform === "linux")("a process may use what nproc says, and one that is gone says nothing", () => {
  const cores = Number(execFileSync("nproc", { encoding: "utf8" }));
  expect(coresAllowed([process.pid])).toBe(cores);
  expect(coresAllowed([2 ** 22 + 1])).toBeUndefined();
});

const isBinding = coresLeftBy([]).length > 1 && spawnSync("taskset", ["--version"]).status === 0;

test.runIf(isBinding)("a core that one thread of a process is bound to is not left to us, and every core is once it has gone", async () => {
  const [first = -1, ...others] = coresLeftBy([]);
  const bound = spawn("taskset", ["--cpu-list", String(first), "sleep", "60"]);
  const pid = bound.pid ?? -1;
  const free = spawn("sleep", ["60"]);
  await expect.poll(() => coresLeftBy([pid, free.pid ?? -1])).toEqual(others);
  const ended = once(bound, "exit");
  bound.kill();
  free.kill();
  await ended;
  expect(coresLeftBy([pid])).toEqual([first, ...others]);
});
