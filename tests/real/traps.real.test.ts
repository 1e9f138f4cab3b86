// Real vLLM and LMCache in situations that a harness can fall for, and what Tandem says of them: npm run test:real -- traps
import { spawn, type ChildProcess } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test } from "vitest";

import { tandem, type Called, type Calling } from "../../src/cli/fixture.ts";
import { thisMachine } from "../../src/host/thisMachine.ts";
import { unlessGone } from "../../src/host/unlessGone.ts";

const cache = process.env["TANDEM_REAL"] ?? join(homedir(), ".cache", "tandem");
const venv = join(cache, "real-engines");
const outputs = process.env["TANDEM_REAL_OUTPUT"] ?? mkdtempSync(join(tmpdir(), "tandem-real-"));

/** What is looked at of a test's JSON report. */
interface Report {
  readonly validity: Validity;
  readonly proof: { readonly answers: readonly Answers[]; readonly checks: readonly Readonly<Record<string, string>>[] };
  readonly experiments: readonly {
    readonly title: string;
    readonly validity: Validity;
    readonly cached_tokens: readonly Readonly<Record<string, number | string>>[];
    readonly engines: readonly { readonly engine: string; readonly all: { readonly failures_by_code: Readonly<Record<string, number>> } }[];
  }[];
}

interface Validity {
  readonly state: string;
  readonly reasons: readonly { readonly what: string; readonly engine?: string; readonly advice: string }[];
}

interface Answers {
  readonly engine: string;
  readonly baseline?: string;
  readonly cached_tokens: number;
  readonly differing: readonly unknown[];
}

/** Runs a test of traps.ts; what it said stays beside its report. */
async function ran(name: string, { args = [], saying }: Pick<Calling, "saying"> & { args?: readonly string[] } = {}): Promise<Ran> {
  const output = join(outputs, name);
  const set = ["--set", `venv=${venv}`, "--set", `model=${join(cache, "tiny")}`];
  const called = await tandem(["run", join(import.meta.dirname, "traps.ts"), "-f", `^${name}$`, "-o", output, ...set, ...args], {
    within: 570,
    ...(saying === undefined ? {} : { saying }),
  });
  writeFileSync(join(output, "stdout.txt"), called.stdout);
  writeFileSync(join(output, "stderr.txt"), called.stderr);
  const report = JSON.parse(readFileSync(join(output, `${name}.json`), "utf8")) as Report; // it has just been written by this very version
  return { ...called, report, output };
}

type Ran = Called & { readonly report: Report; readonly output: string };

function kept(output: string): readonly string[] {
  return globSync("**/*.data", { cwd: output });
}

test("a cache on disk: every hit is told by the tier that had it, to the token, answers stay the same, and its files go with the engine", async () => {
  const seen = new Set<string>();
  const watching = setInterval(() => kept(join(outputs, "test_disk")).forEach((file) => seen.add(file)), 500);
  const { code, report, output } = await ran("test_disk", { args: ["--no-calibration"] });
  clearInterval(watching);
  expect(code).toBe(0);
  // Of 8 questions about 2 documents 6 are warm, each with two chunks of 256 tokens: in all three orders.
  const found = report.experiments.slice(0, 3).map(({ cached_tokens: tokens }) => tokens);
  const counted = { expected_tokens: 3_072, told_tokens: 3_072, counted_beside_tokens: 3_072 };
  const disk = { engine: "disk", prompt_tokens: 8 * 528, ...counted, counted_memory_tier_tokens: 0, counted_lower_tier_tokens: 3_072 };
  const plain = { engine: "plain", expected_tokens: 0, told_tokens: 0 };
  expect(found).toMatchObject([
    [disk, plain],
    [disk, plain],
    [disk, plain],
  ]);
  expect(report.proof.answers).toMatchObject([
    { engine: "disk", cached_tokens: 3_072, differing: [] },
    { engine: "plain", cached_tokens: 0, differing: [] },
    { engine: "disk", baseline: "plain", differing: [] },
  ]);
  expect([...seen].filter((file) => !file.includes("/services/disk.lmcache-server/scratch/kv-0/"))).toEqual([]);
  expect(seen.size).toBeGreaterThan(0);
  expect(kept(output)).toEqual([]);

  // Two engines on one core need two seconds for what comes every 0.5. Which of them has the core meanwhile, and so how it is told, is chance.
  const beyond = report.experiments[3];
  expect(beyond?.validity.state).toBe("DEGRADED");
  const saturated = /^was saturated|whether it keeps up with .* is not known$/;
  expect(beyond?.validity.reasons.some(({ what }) => saturated.test(what))).toBe(true);
});

test("a disk that gives back something else: other answers are told with their first other token; and it is emptied before each block, though LMCache empties its memory alone", async () => {
  const spoilt = new Map<string, number>();
  const spoiling = setInterval(() => kept(join(outputs, "test_spoilt")).forEach((file) => spoil(file, spoilt)), 10);
  const { code, report, output } = await ran("test_spoilt", { args: ["--no-calibration"] });
  clearInterval(spoiling);
  expect([code, report.validity.state]).toEqual([0, "DEGRADED"]);
  const reasons = report.validity.reasons.map(({ what }) => what);
  expect(reasons).toContainEqual(
    expect.stringMatching(/^answered [1-3] of 3 prompts otherwise once its cache had them: prompt \d from token \d+ of 16 on/),
  );
  const emptied = report.proof.checks.filter(({ claim }) => claim === "caches emptied beforehand");
  expect(emptied.map(({ verdict }) => verdict)).toEqual(["proven", "proven"]);
  expect(kept(output)).toEqual([]);
});

/** Noise of the size of keys and values, in place of what a file has held; once for each time that it was written. */
function spoil(file: string, spoilt: Map<string, number>): void {
  const path = join(outputs, "test_spoilt", file);
  const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 };
  if (size === 0 || spoilt.get(file) === mtimeMs) return;
  const noise = Float32Array.from(randomFillSync(new Int8Array(size / 4)), (value) => value / 64);
  // Its caches are emptied meanwhile.
  unlessGone(() => {
    writeFileSync(path, new Uint8Array(noise.buffer), { flag: "r+" });
    spoilt.set(file, statSync(path).mtimeMs);
  });
}

test("LMCache in the process of an engine without a GPU: by its log and by a prompt asked twice it is none, and the two engines are not on as many cores", async () => {
  const { code, report } = await ran("test_inert", { args: ["--no-calibration"] });
  expect(code).toBe(4);
  const reasons = report.validity.reasons.map(({ engine, what }) => `${engine ?? ""}: ${what}`);
  expect(reasons).toContainEqual(expect.stringMatching(/^inert: .*LMCache: wanted no complaint in its log, found /));
  expect(reasons).toContainEqual(
    expect.stringMatching(/^inert: .*a prompt asked twice: wanted found in the cache, 1,024 tokens, found 0 of 1,088 tokens/),
  );
  expect(reasons).toContainEqual(
    expect.stringMatching(/the engines differ in more than what was asked for: cores: plain 1 core, inert 2 cores/),
  );
});

test("caches that are said to be emptied and are not: vLLM's word is not taken for it", async () => {
  const { code, report } = await ran("test_emptied", { args: ["--no-calibration"] });
  expect(code).toBe(4);
  const emptied = report.proof.checks.filter(({ claim }) => claim === "caches emptied beforehand");
  const byEngine = (name: string) => emptied.filter(({ engine }) => engine === name).map(({ verdict }) => verdict);
  expect(byEngine("emptied")).toEqual(["proven", "proven"]);
  expect(byEngine("left_full")).toEqual(["not so", "not so"]);
  expect(emptied.find(({ engine }) => engine === "left_full")?.["found"]).toMatch(
    /^1,024 tokens still found; \/reset_prefix_cache answered 200 /,
  );
  expect(report.validity.reasons.map(({ engine }) => engine)).not.toContain("emptied");
  // vLLM's own cache answers first: the one beside it is seen once that is emptied.
  const beside = report.proof.checks.filter(({ claim }) => claim === "the cache beside the engine");
  expect(beside.map(({ found, verdict }) => [found, verdict])).toEqual(
    ["emptied", "left_full"].map(() => ["1,024 tokens, once the engine's own cache was emptied", "proven"]),
  );
});

test("an LMCache server that is restarted too soon kills an engine that shares memory with it, in the middle of a stream of status 200: told, with what it was", async () => {
  const { code, stdout, stderr, report } = await ranWhileRestarted({ sharesMemory: true });
  expect(code).toBe(3);
  expect(stderr).toContain("engine cached ended by itself while it was measured");
  expect(stderr).toContain("probably: the LMCache server it stores to was gone for a moment");
  expect(stdout).toContain("INVALID");
  expect(report.experiments[0]?.engines[0]?.all.failures_by_code).toMatchObject({ "error-event": expect.any(Number) });
});

test("one that is sent its blocks leaves its engine alive, which answers every request, late by seconds and without its cache: told, by what its log says", async () => {
  const { code, report } = await ranWhileRestarted({ sharesMemory: false });
  expect([3, 4]).toContain(code); // 3 where it was seen to refuse connections meanwhile, which depends on how long the machine takes to start it
  expect(report.validity.state).toBe("INVALID");
  expect(report.experiments[0]?.engines[0]?.all.failures_by_code).toEqual({});
  expect(report.validity.reasons.map(({ engine, what }) => [engine, what])).toContainEqual([
    "cached",
    // The first when the server is back before the engine looks (every 10 s), else one of the others.
    expect.stringMatching(/LMCache's server, while it was measured: .* found .*(?:processing the store request|timed out|is unhealthy)/),
  ]);
});

/** Started anew two seconds into the experiment. */
async function ranWhileRestarted(options: { readonly sharesMemory: boolean }): Promise<Ran> {
  const server = await lmcacheServer(options);
  let restarted = false;
  return ran("test_restarted", {
    args: ["--no-calibration", "--set", `server=127.0.0.1:${server.port}`],
    saying: (said) => {
      if (restarted || !said.includes("experiment 0:")) return;
      restarted = true;
      setTimeout(() => void server.restart(), 2_000);
    },
  }).finally(async () => server.end());
}

interface LmcacheServer {
  readonly port: number;
  /** Killed, and started again at once. */
  restart(): Promise<void>;
  end(): Promise<void>;
}

/** One that is not Tandem's. */
async function lmcacheServer({ sharesMemory }: { readonly sharesMemory: boolean }): Promise<LmcacheServer> {
  const place = thisMachine();
  const [port, http] = [await place.freePort(), await place.freePort()];
  const shared = `tandem-traps-${port}`;
  const flags = `--host 127.0.0.1 --port ${port} --http-host 127.0.0.1 --http-port ${http} --l1-size-gb 1 --eviction-policy LRU --supported-transfer-mode auto${sharesMemory ? ` --shm-name ${shared}` : ""}`;
  const env = { ...process.env, LMCACHE_TRACK_USAGE: "false", DO_NOT_TRACK: "1" };
  const start = () => spawn(join(venv, "bin", "lmcache"), ["server", ...flags.split(" ")], { env, stdio: "ignore", detached: true });
  let running = start();
  while (!(await isHealthy(http))) await pause(200);
  return {
    port,
    restart: async () => {
      await killed(running);
      running = start();
    },
    end: async () => {
      await killed(running);
      // A killed server leaves its pool.
      for (const name of globSync(`*${shared}`, { cwd: "/dev/shm" })) rmSync(join("/dev/shm", name), { force: true });
    },
  };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  process.kill(-child.pid, "SIGKILL");
  await ended;
}

async function isHealthy(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/healthcheck`).catch(() => undefined);
  return answer?.ok === true;
}
