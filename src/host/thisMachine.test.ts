import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "vitest";

import { thisMachine } from "./thisMachine.ts";
import type { StartedProcess } from "../model/running.ts";
import { bench, isAlive, until, type Bench, type programs } from "../launch/fixture.ts";

const place = thisMachine();
let at: Bench;
beforeEach(() => {
  at = bench();
});
afterEach(() => at[Symbol.dispose]());

test("what a program prints is in its logs to the last byte, after what an earlier start left there", async () => {
  writeFileSync(at.file("stdout.log"), "an earlier start\n");
  const started = await start("crashes");
  expect(await started.ended).toEqual({ code: 1, signal: undefined });
  expect(at.written("stdout.log")).toBe("an earlier start\nloading weights\n");
  expect(at.written("stderr.log")).toContain("CUDA out of memory");
  await started.end(0);
});

test("a program gets the environment it is given, and nothing of ours but the marks", async () => {
  const started = await start("answers", { ONE: "1" });
  await until(() => existsSync(at.file("environment.json")) && at.written("environment.json") !== "");
  const seen = Object.keys(JSON.parse(at.written("environment.json")) as object).sort();
  expect(seen).toEqual(["ONE", "SPT_NOENV", "TANDEM_ENGINE", "TANDEM_RUN"]);
  await started.end(1);
});

test.runIf(process.platform === "linux")(
  "however few files may still be opened, a start that fails is told as such, and we live on",
  () => {
    const source = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    writeFileSync(
      at.file("harness.ts"),
      `import { closeSync, openSync } from "node:fs";
    import { thisMachine } from ${source("thisMachine.ts")};
    const [place, held, told, at] = [thisMachine(), [], [], ${JSON.stringify(at.directory)}];
    const command = { program: "/bin/true", args: [], env: {}, directory: at };
    for (let started; started === undefined; ) {
      try { for (;;) held.push(openSync("/dev/null")); } catch {}
      for (let free = 0; free <= told.length; free++) closeSync(held.pop());
      started = await place.start(command, { stdout: at + "/out", stderr: at + "/err" }).catch((error) => void told.push(error.code));
    }
    console.log(JSON.stringify(told));
    process.exit(0);`,
    );
    const limited = ["-c", 'ulimit -n 80; exec "$0" "$@"', process.execPath, at.file("harness.ts")];
    const { status, stdout, stderr } = spawnSync("sh", limited, { encoding: "utf8", timeout: 20_000 });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const told = JSON.parse(stdout) as string[];
    expect(told.length).toBeGreaterThan(4);
    expect(new Set(told)).toEqual(new Set(["EMFILE"]));
  },
);

test("a temporary directory has room for the names of sockets, and goes with all that is in it", () => {
  const made = thisMachine({ environment: {} }).temporaryDirectory?.();
  expect(made?.path).toMatch(/^\/tmp\/td-\w{6}$/);
  const [path, other] = [made?.path ?? "", at.file("other")];
  mkdirSync(other);
  writeFileSync(at.file("other/stays"), "");
  mkdirSync(`${path}/below`);
  symlinkSync(other, `${path}/link`);
  made?.[Symbol.dispose]();
  expect([existsSync(path), existsSync(at.file("other/stays"))]).toEqual([false, true]);
});

test("there is none where the folder for such files is too deep, is not there, or depends on who looks", () => {
  const made = [at.directory, "/a", "."].map((TMPDIR) => thisMachine({ environment: { TMPDIR } }).temporaryDirectory?.());
  expect(made).toEqual([undefined, undefined, undefined]);
});

test("a TMPDIR without a word says nothing", () => {
  using made = thisMachine({ environment: { TMPDIR: "" } }).temporaryDirectory?.();
  expect(made?.path).toMatch(/^\/tmp\/td-\w{6}$/);
});

test.runIf(process.platform === "linux")(
  "whoever works in a tree's directory is taken into it, and ends with it; others are not",
  async () => {
    const started = await start("tidies");
    const elsewhere = { cwd: "/", stdio: "ignore", detached: true } as const;
    const [daemon, other] = [{ ...elsewhere, cwd: at.directory }, elsewhere].map((options) => spawn("sleep", ["60"], options).pid ?? 0);
    await until(() => [daemon, other].every((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep")));
    expect([daemon, other].map((pid) => started.takesIn?.(pid ?? 0))).toEqual([true, false]);
    await started.end(1);
    expect([daemon, other].map((pid) => isAlive(pid ?? 0))).toEqual([false, true]);
    process.kill(other ?? 0);
  },
);

test("a program that is asked to end has the time to tidy up, and no more is taken", async () => {
  const started = await start("tidies");
  await until(() => existsSync(at.file("up")));
  const from = performance.now();
  await started.end(20);
  expect(at.written("tidied")).toBe("yes");
  expect(performance.now() - from).toBeLessThan(5_000);
});

test("workers in another session, without our environment and deaf to SIGTERM are killed after the grace", async () => {
  const started = await start("leavesWorkers", {}, await place.freePort());
  const workers = await deafWorkers();
  expect(workers.map(isAlive)).toEqual([true, true]);
  const from = performance.now();
  await started.end(0.5);
  expect(performance.now() - from).toBeGreaterThan(490);
  expect([started.pid, ...workers].map(isAlive)).toEqual([false, false, false]);
});

test("workers are found though the program is dead and was never looked at while it lived", async () => {
  const started = await start("leavesWorkers", {}, await place.freePort());
  const workers = await deafWorkers();
  process.kill(started.pid, "SIGKILL");
  await started.ended;
  await started.end(0);
  expect(workers.map(isAlive)).toEqual([false, false]);
});

test("a second, less patient end cuts the grace of the first short", async () => {
  const started = await start("leavesWorkers", {}, await place.freePort());
  await deafWorkers();
  const patient = started.end(60);
  const from = performance.now();
  await Promise.all([started.end(0), patient]);
  expect(performance.now() - from).toBeLessThan(5_000);
});

test.runIf(process.platform === "linux")("a worker that wrote over its environment is found though its parent is dead", async () => {
  const started = await start("titled");
  const [worker = 0] = await pidsIn("worker");
  expect(readFileSync(`/proc/${worker}/environ`, "latin1")).not.toContain("TANDEM");
  process.kill(started.pid, "SIGKILL");
  await started.ended;
  expect(isAlive(worker)).toBe(true);
  await started.end(0.2);
  expect(isAlive(worker)).toBe(false);
});

test.runIf(process.platform === "linux")(
  "shared memory of a program that was killed is removed, unless it was there before or is still in use",
  async () => {
    const name = `tandem-test-${randomUUID()}`;
    using made = sharedMemory(`${name}-made`);
    using inUse = sharedMemory(`${name}-in-use`);
    using before = sharedMemory(`${name}-before`);
    writeFileSync(before.path, "theirs");
    const holder = await holding(made, inUse, before);
    const other = await holding(inUse);
    await holder.end(0);
    expect([made, inUse, before].map(({ path }) => existsSync(path))).toEqual([false, true, true]);
    await other.end(0);
  },
);

test.runIf(process.platform === "linux")("so is that of one that is gone before anybody could ask it what it holds", async () => {
  using made = sharedMemory(`tandem-test-${randomUUID()}`);
  const started = await holding(made);
  await pause(300);
  process.kill(started.pid, "SIGKILL");
  await started.ended;
  expect(existsSync(made.path)).toBe(true);
  await started.end(0);
  expect(existsSync(made.path)).toBe(false);
});

test("a port is a program's own only while nobody else listens on it", async () => {
  const port = await place.freePort();
  const started = await start("answers", {}, port);
  await until(async () => place.owns(started, port));
  const other = await start("tidies");
  expect(await place.owns(other, port)).toBe(false);
  const beside = createServer().listen(port, "127.0.0.2");
  await until(() => beside.listening);
  expect(await place.owns(started, port)).toBe(false);
  expect(new Set((await place.listeners(port)).map(({ pid }) => pid))).toEqual(new Set([process.pid, started.pid]));
  beside.close();
  await Promise.all([started.end(1), other.end(1)]);
  expect(await place.listeners(port)).toEqual([]);
});

test("free ports are never given twice", async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, async () => place.freePort()));
  expect(new Set(ports).size).toBe(50);
});

test("a program is there when it can be started: by path, by name in the given PATH, and node always", async () => {
  writeFileSync(at.file("tool"), "#!/bin/sh\n");
  expect(await place.has("tool", { PATH: at.directory })).toBe(false); // not executable yet
  chmodSync(at.file("tool"), 0o755);
  expect(await place.has("tool", { PATH: at.directory })).toBe(true);
  expect(await place.has("tool", { PATH: "/nowhere" })).toBe(false);
  expect(await place.has(at.file("tool"), {})).toBe(true);
  expect(await place.has("node", {})).toBe(true);
});

test("GPUs are those nvidia-smi lists, less what CUDA_VISIBLE_DEVICES withholds, in its order", async () => {
  const lines = ["0, GPU-aaaa, NVIDIA H200, 143771", "1, GPU-bbbb, NVIDIA H200, 143771", "2, GPU-cccc, NVIDIA GB10, [N/A]"];
  writeFileSync(at.file("nvidia-smi"), `#!/bin/sh\ncat <<'END'\n${lines.join("\n")}\nEND\n`, { mode: 0o755 });
  const seen = async (env: NodeJS.ProcessEnv) => thisMachine({ environment: { PATH: `${at.directory}:/usr/bin:/bin`, ...env } }).gpus();
  expect(await seen({})).toEqual([
    { id: "0", uuid: "GPU-aaaa", name: "NVIDIA H200", memoryMib: 143_771 },
    { id: "1", uuid: "GPU-bbbb", name: "NVIDIA H200", memoryMib: 143_771 },
    { id: "2", uuid: "GPU-cccc", name: "NVIDIA GB10" },
  ]);
  expect((await seen({ CUDA_VISIBLE_DEVICES: "1,0" })).map(({ id }) => id)).toEqual(["1", "0"]);
  expect((await seen({ CUDA_VISIBLE_DEVICES: "GPU-b" })).map(({ id }) => id)).toEqual(["1"]);
  expect((await seen({ CUDA_VISIBLE_DEVICES: "1,0,GPU-bbbb" })).map(({ id }) => id)).toEqual(["1", "0"]);
  expect(await seen({ CUDA_VISIBLE_DEVICES: "" })).toEqual([]);
});

test("a GPU that is divided tells its parts", async () => {
  const listed = [
    "GPU 0: NVIDIA H200 (UUID: GPU-aaaa)",
    "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb)",
    "  MIG 3g.20gb     Device  0: (UUID: MIG-1111)",
    "  MIG 1g.5gb      Device  1: (UUID: MIG-2222)",
  ];
  const queried = ["0, GPU-aaaa, NVIDIA H200, 143771, Disabled", "1, GPU-bbbb, NVIDIA A100-SXM4-40GB, 40960, Enabled"];
  const script = `#!/bin/sh\nif [ "$1" = -L ]; then cat <<'A'\n${listed.join("\n")}\nA\nelse cat <<'B'\n${queried.join("\n")}\nB\nfi\n`;
  writeFileSync(at.file("nvidia-smi"), script, { mode: 0o755 });
  const here = await thisMachine({ environment: { PATH: `${at.directory}:/usr/bin:/bin` } }).gpus();
  expect(here.map(({ parts }) => parts)).toEqual([undefined, ["MIG-1111", "MIG-2222"]]);
});

test("a machine without nvidia-smi has no GPU", async () => {
  expect(await thisMachine({ environment: { PATH: "/nowhere" } }).gpus()).toEqual([]);
});

async function start(program: keyof typeof programs, env: Record<string, string> = {}, port = 0): Promise<StartedProcess> {
  const args = [at.file(`${program}.mjs`), String(port)];
  const logs = { stdout: at.file("stdout.log"), stderr: at.file("stderr.log") };
  return place.start({ program: "node", args, env, directory: at.directory }, logs);
}

/** One after the other: two that start at once may both find a file missing, and both make it. */
async function holding(...memory: readonly { readonly path: string }[]): Promise<StartedProcess> {
  const started = await start("holds", { HELD: memory.map(({ path }) => path).join(" ") });
  await until(() => existsSync(at.file(`held-${started.pid}`)));
  return started;
}

function sharedMemory(name: string): Disposable & { readonly path: string } {
  const path = `/dev/shm/${name}`;
  return { path, [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** Once both run: of one that is just being loaded the system tells neither environment nor command line. */
async function deafWorkers(): Promise<readonly number[]> {
  await until(() => existsSync(at.file("deaf")) && at.written("deaf") === "..");
  return pidsIn("workers");
}

async function pidsIn(file: string): Promise<readonly number[]> {
  await until(() => existsSync(at.file(file)) && at.written(file) !== "");
  return at.written(file).split(" ").map(Number);
}
