import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";

/** sched(7): 0 is a thread like any other, 2 a real-time one, round robin. Field 41 of proc(5)'s stat. */
function policyOf(env: NodeJS.ProcessEnv): number {
  const program = `
    import { readFileSync } from "node:fs";
    import { preferThisThread } from ${JSON.stringify(new URL("thisThread.ts", import.meta.url).href)};
    preferThisThread();
    console.log(readFileSync("/proc/thread-self/stat", "utf8").split(") ")[1].split(" ")[38]);`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return Number(stdout);
}

const mayAsk = existsSync("/proc/thread-self") && spawnSync("chrt", ["--rr", "1", "true"]).status === 0;

test.skipIf(!mayAsk)("a thread that asks becomes a real-time one where that is permitted, unless TANDEM_PRIORITY says not to", () => {
  expect(policyOf({ TANDEM_PRIORITY: "" })).toBe(2);
  expect(policyOf({ TANDEM_PRIORITY: "normal" })).toBe(0);
});

test.skipIf(!existsSync("/proc/thread-self"))("without chrt it stays as it is, and nobody is told", () => {
  expect(policyOf({ PATH: "/nonexistent" })).toBe(0);
});
