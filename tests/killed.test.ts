import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** 1.9 s of requests, each open for 0.4 s: at any moment something is in flight, and whoever acts in the middle may be late by half a second and more. */
function longTest(where: Folder): string {
  return where.write("long.ts", quickTest({ requests: 20, seconds: 0.1, outputTokens: 60 }));
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
    expect(/INVALID +the run ended before \d+ of 40 requests were due/.test(reported.stdout)).toBe(cut);
    expect(reported.stdout).toContain("test_quick.simulated.pdf");
    expect(reported.stdout).not.toContain("was sent no request"); // it goes without saying
  });
});

test(
  "what became of its engines is told by report, in reports, and by the next run, which ends well and tells no more",
  { timeout: 120_000 },
  async () => {
    using where = folder();
    const { code } = await runUntil(where, playing, (child) => child.kill("SIGKILL"), 300);
    expect(code).toBeNull();
    const aftermath = () => where.files().find((name) => name.endsWith("after-processes.jsonl"));
    for (let look = 0; look < 100 && aftermath() === undefined; look++) await pause(50);
    const said = /^ {2}[1-9]\d* process(?:es)? that the harness had started ended \d\.\d s after it was gone$/m;
    const reported = await tandem(["report", where.at("out")]);
    expect(reported.stderr).toMatch(said);
    const html = where.files().find((name) => name.endsWith("test_quick.simulated.html")) ?? "";
    expect(where.read(html)).toMatch(/process(?:es)? that the harness had started ended/);
    expect(reported.stderr).not.toContain("is not told yet");
    const again = ["run", where.write("short.ts", quickTest()), "-o", where.at("out"), "--simulate", "--journal-only"];
    const next = await tandem(again);
    expect(next.stderr).toMatch(/^the run before this one was killed \(.*out\/runs\/\S+\):$/m);
    expect(next.stderr).toMatch(said);
    expect((await tandem(again)).stderr).not.toMatch(/killed|was gone/);
    const told = where.at(aftermath() ?? "");
    rmSync(told); // as before it was written
    const before = await tandem(["report", join(dirname(told), "..")]);
    expect(before.stderr).toContain("what became of the processes that the harness had started is not told yet");
    expect(where.read(html)).toContain("what became of the processes that the harness had started is not told yet");
  },
);

test("what a killed run did not come to is told: the checks of its first test, and its second test", async () => {
  using where = folder();
  const first = quickTest({
    requests: 40,
    seconds: 0.1,
    outputTokens: 60,
    more: "checks: (on) => ({ fine: atMost(on.plain.failures, 0) }),",
  });
  const file = where.write("two.ts", `${first}\nexport const test_second = test_quick;\n`);
  const { code } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"], {
    env: { TMPDIR: where.path },
    saying: (stderr, child) => {
      if (stderr.includes(playing)) setTimeout(() => child.kill("SIGKILL"), 1_200);
    },
  });
  expect(code).toBeNull();
  const reported = await tandem(["report", where.at("out")]);
  const unwrapped = reported.stdout.replaceAll(/\s+/g, " ");
  expect(unwrapped).toContain("its checks were not evaluated, because the run ended before");
  expect(unwrapped).toMatch(/ unfinished (?:plain|cached) [1-9]\d* of \d+.* requests due: nobody knows/);
  expect(reported.stderr).toContain("test_second was to be run and never began");
  expect(reported.code).toBe(4);
});

/** An engine whose workers are in sessions of their own and hear no signal, and a small server beside it that another engine needs. */
/** A run whose replies take 40 s each, given these signals a second apart; `took` is in milliseconds, from the last of them to the end. */
async function interruptedReplies(where: Folder, signals: readonly ("SIGINT" | "SIGTERM")[]) {
  const file = where.write("long.ts", quickTest({ requests: 2, seconds: 0.1, outputTokens: 6_000 }));
  let last = Infinity;
  const { code, stderr } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"], {
    saying: (said, child) => {
      if (last < Infinity || !said.includes(playing)) return;
      last = performance.now() + signals.length * 1_000;
      for (const [place, signal] of signals.entries()) setTimeout(() => child.kill(signal), (place + 1) * 1_000);
    },
  });
  return { code, stderr, took: performance.now() - last };
}

function manyProcesses(): string {
  const worker = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
  const parent = `const { spawn } = require("node:child_process");
    for (const _ of [1, 2]) spawn(process.execPath, ["-e", ${JSON.stringify(worker)}], { detached: true, stdio: "ignore" });
    spawn(process.argv[1], process.argv.slice(2), { stdio: "inherit" }).on("exit", (code) => process.exit(code ?? 1));`;
  const server = `require("node:http").createServer((_, response) => response.end("ok")).listen(Number(process.argv[1]), "127.0.0.1");`;
  return `import { documentQa, every, experiment, simulated, testCase } from "tandem";
export function test_many() {
  const plain = simulated({ prefixCaching: false });
  const command = (slot, world) => {
    const own = plain.launch.command(slot, world);
    return { ...own, program: "node", args: ["-e", ${JSON.stringify(parent)}, own.program === "node" ? process.execPath : own.program, ...own.args] };
  };
  const store = {
    name: "store", kind: "small store", needs: {},
    launch: { kind: "process", ports: ["main"], missing: "", command: ({ ports }) => ({ program: "node", args: ["-e", ${JSON.stringify(server)}, String(ports.main)], env: {} }) },
    ready: { check: { kind: "http", port: "main", path: "/" }, within: 20 },
  };
  const workers = { ...plain, launch: { ...plain.launch, command } };
  const beside = { ...plain, services: () => ({ store }) };
  const workload = documentQa({ contextTokens: 512, questionTokens: 8, documents: 2, requests: 16, outputTokens: 60 });
  return testCase({ engines: { workers, beside }, baseline: "workers", experiments: [experiment({ workload, arrivals: every({ seconds: 0.1 }) })] });
}
`;
}

const kills = Number(process.env["TANDEM_KILLS"] ?? 3);
/** Of a run without calibration, as long as it takes here: from its launch to its last report. */
const life = 6_000;
/** This one is killed once engines boot, however long a busy machine takes to come to that. */
const middle = Math.floor(kills / 2);

test(
  `of ${kills} runs killed with SIGKILL at random moments none leaves a process behind`,
  async () => {
    const ends: { readonly after: number; readonly there: number; readonly gone: number; readonly code: number | null }[] = [];
    for (let kill = 0; kill < kills; kill++) {
      using where = folder();
      const mark = randomUUID();
      const from = performance.now();
      let [after, there, isBooting] = [0, 0, false];
      const killing = (child: ChildProcess) => {
        after = performance.now() - from;
        there = new LivingTree([], `${markName}=${mark}`).members().length;
        child.kill("SIGKILL");
      };
      const { code } = await tandem(["run", where.write("many.js", manyProcesses()), "-o", where.at("out"), "--no-calibration"], {
        env: { [markName]: mark, TMPDIR: where.path },
        started: (child) => kill !== middle && setTimeout(killing, ((kill + Math.random()) / kills) * life, child),
        saying: (said, child) => {
          if (kill !== middle || isBooting || !said.includes("booting")) return;
          isBooting = true;
          setTimeout(killing, 300 + Math.random() * 2_000, child);
        },
      });
      const gone = await goneAfter(`${markName}=${mark}`);
      expect(gone, `killed after ${after} ms, with ${there} processes`).toBeLessThan(5);
      ends.push({ after, there, gone, code });
    }
    if (process.env["TANDEM_KILLS"] !== undefined) console.table(ends);
    expect(ends.filter(({ there }) => there > 1).length).toBeGreaterThan(kills / 4); // else there was nobody to leave behind
  },
  20_000 + kills * 20_000,
);

describe("interrupted", () => {
  test("once: stops sending, what is in flight ends, engines end, reports are made", async () => {
    using where = folder();
    const { code, stdout, stderr, mark } = await runUntil(where, playing, (child) => child.kill("SIGINT"), 500);
    expect(code).toBe(130);
    expect(await goneAfter(mark)).toBeLessThan(0.5);
    expect(stderr).toContain("SIGINT: no more requests are sent; what is in flight ends first");
    expect(stdout).toMatch(/INVALID +the run ended before \d+ of 40 requests were due/);
    expect(where.read("out", "test_quick.simulated.html")).toContain("interrupted by SIGINT");
    expect(JSON.parse(where.read("out", "test_quick.simulated.json"))).toMatchObject({ complete: false });
    const [, ...rows] = where.read("out", "test_quick.simulated.csv").trim().split("\n");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(40);
    expect(rows.filter((row) => row.includes(",completed,"))).toHaveLength(rows.length);
  });

  test("while engines that share a GPU are up in turn: the next is not booted", async () => {
    using where = folder();
    const onOneGpu = quickTest({ requests: 20, seconds: 0.1 }).replaceAll(
      /simulated\((\{[^}]*\})\)/g,
      "{ ...simulated($1), gpus: 1, gpuShare: 0.9 }",
    );
    let isDone = false;
    const { code, stderr } = await tandem(
      ["run", where.write("turns.ts", onOneGpu), "-o", where.at("out"), "--no-calibration", "--gpus", "0"],
      {
        saying: (said, child) => {
          if (isDone || !said.includes(playing)) return;
          isDone = true;
          child.kill("SIGINT");
        },
      },
    );
    expect(code).toBe(130);
    expect(stderr).toContain("plain: ready after");
    expect(stderr).not.toContain("cached: booting");
    expect(stderr).not.toContain("tandem: ");
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

  test("by SIGTERM in the middle of long replies: reports and exit within the 10 s after which a CI runner or a pod kills", async () => {
    using where = folder();
    const { code, stderr, took } = await interruptedReplies(where, ["SIGTERM"]);
    expect(took).toBeLessThan(10_000);
    expect(code).toBe(130);
    expect(stderr).toContain("SIGTERM: no more requests are sent; what is in flight ends first, within 5 s");
    const [, ...rows] = where.read("out", "test_quick.simulated.csv").trim().split("\n");
    expect(rows.map((row) => row.includes(",cancelled,"))).toEqual([true, true, true, true]);
    expect(where.read("out", "test_quick.simulated.xml")).toContain("<error ");
  });

  test("by SIGINT and, as some CI runners do, a SIGTERM soon after: what is in flight has no more time, and reports are made", async () => {
    using where = folder();
    const { code, stderr, took } = await interruptedReplies(where, ["SIGINT", "SIGTERM"]);
    expect(took).toBeLessThan(15_000); // half of what SIGINT alone leaves
    expect({ code, told: stderr.includes("SIGINT: no more requests are sent") }).toEqual({ code: 130, told: true });
    const [, ...rows] = where.read("out", "test_quick.simulated.csv").trim().split("\n");
    expect(rows.map((row) => row.includes(",cancelled,"))).toEqual([true, true, true, true]);
  });

  test("by SIGTERM while engines boot: nothing is measured and nobody is left", async () => {
    using where = folder();
    const { code, stdout, stderr, mark } = await runUntil(where, "cached: booting", (child) => child.kill("SIGTERM"));
    expect(code).toBe(130);
    expect(stderr).toContain("was ended while it booted: the run was interrupted");
    expect(stdout).not.toContain("see why in its log");
    expect(await goneAfter(mark)).toBeLessThan(0.5);
    const [csv, ...others] = where.files().filter((name) => name.endsWith(".csv"));
    expect(csv).toMatch(/^out\/runs\//); // and no copy of it: nothing was measured
    expect((await tandem(["report", where.at("out")])).code).toBe(4); // no engine failed
    expect(others).toEqual([]);
    expect(
      where
        .read(csv ?? "")
        .trim()
        .split("\n"),
    ).toHaveLength(1);
  });
});
