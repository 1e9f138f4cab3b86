import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { coresAllowed, coresIn } from "./cores.ts";

test("a list of cores is counted range by range", () => {
  expect(["0", "0-1", "0-3,8", "1,3,5-6"].map(coresIn)).toEqual([1, 2, 5, 4]);
});

test.runIf(process.platform === "linux")("a process may use what nproc says, and one that is gone says nothing", () => {
  const cores = Number(execFileSync("nproc", { encoding: "utf8" }));
  expect(coresAllowed([process.pid])).toBe(cores);
  expect(coresAllowed([2 ** 22 + 1])).toBeUndefined();
});
