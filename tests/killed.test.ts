import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { folder, quickTest, tandem, type Folder } from "../src/cli/fixture.ts";
import { LivingTree } from "../src/host/processTable.ts";

/** Each run carries a mark of its own in its environment, and so does everybody that it starts. */
const markName = "KILLED_TEST";

/** Seconds until nobody with the mark is left. */
async function goneAfter(mark: string): Promise<number> {
  const from = performance.now();
  const tree = new LivingTree([], mark);
  while (tree.members().length > 0 && performance.now() - from < 10_000) await pause(20);
  return (performance.now() - from) / 1_000;
}

/** 1.5 s of requests, each open for 0.4 s: at any moment something is in flight. */
function longTest(where: Folder): string {
  return where.write("long.ts", quickTest({ requests: 16, seconds: 0.1, outputTokens: 60 }));
}

/** Runs it, and acts once: so many milliseconds after it has said something. */
async function runUntil(where: Folder, sign: string, act: (child: ChildProcess) => void, after = 0, args = ["--no-calibration"]) {
  const mark = randomUUID();
  let isDone = false;
  const called = await tandem(["run", longTest(where), "-o", where.at("out"), ...args], {
    // What only a living harness would tidy up goes with the folder.
    env: { [markName]: mark, TMPDIR: where.path },
    saying: (stderr, child) => {
      if (isDone || !stderr.includes(sign)) return;
      isDone = true;
      setTimeout(() => act(child), after);
    },
  });
  return { ...called, mark: `${markName}=${mark}` };
}

const playing = "experiment 0: 512";

describe("killed with SIGKILL, no engine is left within 2 s, and report works on what is there", () => {
  test.each([
    { when: "while the harness measures its own error", sign: "test_quick: plain", after: 700, cut: true, args: [] },
    { when: "while engines boot", sign: "cached: booting", after: 100, cut: true },
    { when: "at the first request", sign: playing, after: 0, cut: true },
    { when: "in the middle", sign: playing, after: 200 + Math.random() * 1_000, cut: true },
    { when: "while reports are written", sign: "experiment 0: done", after: Math.random() * 300, cut: false },
  ])("$when", async ({ sign, after, cut, args }) => {
    using where = folder();
    const { code, mark } = await runUntil(where, sign, (child) => child.kill("SIGKILL"), after, args);
    expect(code).toBeNull();
    expect(await goneAfter(mark)).toBeLessThan(2);
    const reported = await tandem(["report", where.at("out")]);
    // Also INVALID on a machine that is too busy.
    expect(reported.code).toBe(/^ {2}INVALID/m.test(reported.stdout) ? 4 : 0);
    expect(/INVALID +the run ended before \d+ of 32 requests were due/.test(reported.stdout)).toBe(cut);
    expect(reported.stdout).toContain("test_quick.simulated.pdf");
  });
});

describe("interrupted", () => {
  test("once: stops sending, what is in flight ends, engines end, reports are made", async () => {
    using where = folder();
    const { code, stdout, stderr, mark } = await runUntil(where, playing, (child) => child.kill("SIGINT"), 500);
    expect(code).toBe(130);
    expect(await goneAfter(mark)).toBeLessThan(0.5);
    expect(stderr).toContain("SIGINT: no more requests are sent; what is in flight ends first");
    expect(stdout).toMatch(/INVALID +the run ended before \d+ of 32 requests were due/);
    const [, ...rows] = where.read("out", "test_quick.simulated.csv").trim().split("\n");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(32);
    expect(rows.filter((row) => row.includes(",completed,"))).toHaveLength(rows.length);
  });

  test("twice: leaves at once with 130, and no engine survives", async () => {
    using where = folder();
    let second = Infinity;
    const twice = (child: ChildProcess) => {
      child.kill("SIGINT");
      setTimeout(() => {
        second = performance.now();
        child.kill("SIGINT");
      }, 100);
    };
    const { code, stderr, mark } = await runUntil(where, playing, twice, 300);
    expect(performance.now() - second).toBeLessThan(1_000);
    expect(code).toBe(130);
    expect(stderr).toMatch(/left at once; .* tandem report .*out\/runs\/\S+$/m);
    expect(await goneAfter(mark)).toBeLessThan(2);
    expect(readdirSync(where.at("out"))).toEqual(["runs"]);
  });

  test("by SIGTERM while engines boot: nothing is measured and nobody is left", async () => {
    using where = folder();
    const { code, stderr, mark } = await runUntil(where, "cached: booting", (child) => child.kill("SIGTERM"));
    expect(code).toBe(130);
    expect(stderr).toContain("was ended while it booted: the run was interrupted");
    expect(await goneAfter(mark)).toBeLessThan(0.5);
    expect(where.read("out", "test_quick.simulated.csv").trim().split("\n")).toHaveLength(1);
  });
});
