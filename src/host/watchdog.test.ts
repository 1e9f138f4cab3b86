import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { bench, until } from "../launch/fixture.ts";
import { unlessGone } from "./unlessGone.ts";

type Bench = ReturnType<typeof bench>;

test.runIf(process.platform === "linux")(
  "when its pipe ends, whoever has the mark is killed, and the shared memory they made is removed",
  async () => {
    using at = bench();
    const [mark, shared] = [`TANDEM_RUN=${randomUUID()}`, `/dev/shm/tandem-test-${randomUUID()}`];
    const watchdog = spawn(process.execPath, [fileURLToPath(new URL("watchdogProcess.ts", import.meta.url)), mark], {
      env: {},
      stdio: ["pipe", "ignore", "ignore"],
    });
    const [name = "", value] = mark.split("=");
    const held = spawn(process.execPath, [at.file("holds.mjs")], {
      cwd: at.directory,
      env: { [name]: value, HELD: shared },
      stdio: "ignore",
    });
    await until(() => existsSync(at.file(`held-${held.pid}`)));
    const killed = once(held, "exit");
    watchdog.stdin.end();
    expect(await killed).toEqual([null, "SIGKILL"]);
    await once(watchdog, "exit");
    const isLeft = existsSync(shared);
    rmSync(shared, { force: true });
    expect(isLeft).toBe(false);
  },
);

/**
 * A harness that starts a program with a worker on a GPU that had 700 MiB in use, says where to tell what became of them, and is killed. Its
 * nvidia-smi is on its PATH alone, and from the start of the program tells these MiB, one after the other.
 */
async function aftermathOf(at: Bench, { used, more = "" }: { readonly used: readonly number[]; readonly more?: string }) {
  driver(at, used);
  writeFileSync(at.file("worker.mjs"), `setInterval(() => {}, 1000); console.log("up");`);
  writeFileSync(
    at.file("parent.mjs"),
    `import { spawn } from "node:child_process";
    spawn(process.execPath, [${JSON.stringify(at.file("worker.mjs"))}], { detached: true, stdio: "inherit" });
    setInterval(() => {}, 1000);`,
  );
  writeFileSync(
    at.file("harness.ts"),
    `import { writeFileSync } from "node:fs";
    import { commandLine, processEntry, processTable } from ${JSON.stringify(new URL("processTable.ts", import.meta.url).href)};
    import { thisMachine } from ${JSON.stringify(new URL("thisMachine.ts", import.meta.url).href)};
    const [at, origin] = [${JSON.stringify(at.directory)}, process.hrtime()];
    const place = thisMachine();
    place.afterUs.tellIn({ files: { processes: at + "/after.jsonl", containers: at + "/none" }, origin });
    place.afterUs.gpuMemory([{ gpu: "0", names: ["cached"], mib: 700 }]);
    const command = { program: "node", args: [at + "/parent.mjs"], env: {}, directory: at };
    await place.start(command, { stdout: at + "/out", stderr: at + "/err" });
    ${more}
    writeFileSync(at + "/ready", "");
    setInterval(() => {}, 1000);`,
  );
  const path = [at.directory, process.env["PATH"]].join(delimiter);
  const harness = spawn(process.execPath, [at.file("harness.ts")], { stdio: "ignore", env: { ...process.env, PATH: path } });
  await until(() => existsSync(at.file("ready")) && readFileSync(at.file("out"), "utf8").includes("up"), 10);
  harness.kill("SIGKILL");
  return async (lines: number) => {
    const told = () => (existsSync(at.file("after.jsonl")) ? readFileSync(at.file("after.jsonl"), "utf8").split("\n").slice(0, -1) : []);
    await until(() => told().length >= lines, 30);
    return told().map((line): { at: number; event: Record<string, unknown> } => JSON.parse(line));
  };
}

function driver(at: Bench, used: readonly number[]): void {
  const lines = used.map((mib, index) => `${index}) echo ${mib};;`).join(" ");
  const program = `#!/bin/sh
case "$*" in *compute-apps*) echo "1066, 64749, VLLM::EngineCore"; exit;; esac
asked=$(cat ${at.file("asked")} 2>/dev/null || echo 0)
echo $((asked + 1)) > ${at.file("asked")}
case $asked in ${lines} *) echo ${used.at(-1)};; esac
`;
  writeFileSync(at.file("nvidia-smi"), program);
  chmodSync(at.file("nvidia-smi"), 0o755);
}

test.runIf(process.platform === "linux")(
  "when a harness is killed, how many were ended and when, and that GPU memory came back, is told in the run's directory",
  async () => {
    using at = bench();
    const told = await aftermathOf(at, { used: [65_000, 65_000, 710] });
    const [ended, back] = await told(2);
    expect([ended?.event, back?.event]).toEqual([
      { kind: "endedAfterUs", what: "processes", count: 2, after: expect.any(Number) },
      { kind: "gpuMemoryBack", gpu: "0", after: expect.any(Number) },
    ]);
    expect(Number(ended?.event["after"])).toBeLessThan(2);
    // Half a second of looks after a second in which nobody was seen any more.
    expect(Number(back?.event["after"])).toBeGreaterThan(1.5);
    expect(back?.at).toBeGreaterThan(ended?.at ?? Infinity);
  },
);

test.runIf(process.platform === "linux")("memory that stays is a warning that names who holds it", { timeout: 40_000 }, async () => {
  using at = bench();
  const told = await aftermathOf(at, { used: [65_449] });
  const [, warning] = await told(2);
  expect(warning?.event).toEqual({
    kind: "warning",
    message: expect.stringMatching(
      /^64,749 MiB more are in use on GPU 0 than before cached was started, 10 s after it and its services have ended: held by process 1066 \(VLLM::EngineCore\), 64,749 MiB$/,
    ),
  });
});

test.runIf(process.platform === "linux")(
  "a watchdog that somebody killed has a successor that knows where to tell, and of which GPUs",
  async () => {
    using at = bench();
    const more = `
    const watchdog = () => processTable().find(({ pid, parent }) => parent === process.pid && commandLine(pid)?.includes("watchdogProcess"))?.pid;
    const during = async (isSo) => { while (isSo()) await new Promise((resolve) => setTimeout(resolve, 10)); };
    await during(() => watchdog() === undefined); // it may just be being loaded
    const pid = watchdog();
    process.kill(pid, "SIGKILL");
    await during(() => processEntry(pid) !== undefined);
    await place.start(command, { stdout: at + "/second", stderr: at + "/err" });`;
    const told = await aftermathOf(at, { used: [710], more });
    expect((await told(2)).map(({ event }) => event["kind"])).toEqual(["endedAfterUs", "gpuMemoryBack"]);
  },
);

test.runIf(process.platform === "linux")("where everybody has ended, and was said to have, nothing is told", async () => {
  using at = bench();
  const more = `place.afterUs.tellIn(undefined); place.afterUs.gpuMemory([]);`;
  await aftermathOf(at, { used: [710], more });
  await pause(2_500);
  expect(existsSync(at.file("after.jsonl"))).toBe(false);
});

test.runIf(process.platform === "linux")("what programs have left in temporary directories goes with a killed harness", async () => {
  using at = bench();
  const more = `
    const { path } = thisMachine({ environment: {} }).temporaryDirectory();
    writeFileSync(path + "/socket", "");
    writeFileSync(at + "/temporary", path);`;
  const told = await aftermathOf(at, { used: [710], more });
  const path = readFileSync(at.file("temporary"), "utf8");
  expect(path).toMatch(/^\/tmp\/td-\w{6}$/);
  await until(() => !existsSync(path), 10);
  await told(2); // what it writes last comes after that, into a directory that is ours to remove
});

test.runIf(process.platform === "linux")("one that somebody killed while we live has a successor", async () => {
  using at = bench();
  const mark = `TANDEM_RUN=${randomUUID()}`;
  writeFileSync(
    at.file("harness.ts"),
    `import { watchdogOver } from ${JSON.stringify(new URL("watchdog.ts", import.meta.url).href)};
    watchdogOver(${JSON.stringify(mark)}, process.env).begin();
    setInterval(() => {}, 1000);`,
  );
  const harness = spawn(process.execPath, [at.file("harness.ts")], { stdio: "ignore" });
  await until(() => watchdogsOf(mark).length === 1);
  const [first = 0] = watchdogsOf(mark);
  await pause(1_200); // one that cannot stay is not started again and again
  process.kill(first, "SIGKILL");
  await until(() => watchdogsOf(mark).some((pid) => pid !== first));
  expect(watchdogsOf(mark)).toHaveLength(1);
  const ended = once(harness, "exit");
  harness.kill("SIGKILL");
  await ended;
  await until(() => watchdogsOf(mark).length === 0);
});

function watchdogsOf(mark: string): readonly number[] {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    const command = unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
    return command.includes("watchdogProcess") && command.includes(mark);
  });
}
