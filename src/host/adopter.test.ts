import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";

import { expect, onTestFinished, test } from "vitest";

import { bench, isAlive, until, type Bench } from "../launch/fixture.ts";
import { orphanAdopter } from "./adopter.ts";
import { thisMachine } from "./thisMachine.ts";

const isBuilt = orphanAdopter() !== undefined;
if (!isBuilt && process.platform === "linux") console.warn("SKIPPED: orphans without a trace: there is no C compiler (scripts/ready.sh)");

test.runIf(isBuilt)(
  "a daemon without session, environment and parent of its program is ended with it, and other people's are not",
  async () => {
    using at = bench();
    const others = await daemonOf(at, "others");
    const started = await start(at, `${daemon(at, "its")}; exec sleep 60`);
    const its = await pidIn(at, "its");
    expect(readFileSync(`/proc/${its}/environ`, "latin1")).not.toContain("TANDEM");
    await started.end(1);
    expect([its, others].map(isAlive)).toEqual([false, true]);
  },
);

test.runIf(isBuilt)("so is one whose program died by itself, once it was seen", async () => {
  using at = bench();
  const started = await start(at, `${daemon(at, "its")}; exec sleep 60`);
  const its = await pidIn(at, "its");
  expect(started.pids?.()).toContain(its);
  process.kill(started.pid, "SIGKILL");
  await started.ended;
  await started.end(0);
  expect(isAlive(its)).toBe(false);
});

test.runIf(isBuilt)("when the harness is killed it goes too, and what the harness's user has started stays", async () => {
  using at = bench();
  writeFileSync(
    at.file("harness.ts"),
    `import { execSync } from "node:child_process";
    import { thisMachine } from ${JSON.stringify(new URL("thisMachine.ts", import.meta.url).href)};
    execSync(${JSON.stringify(daemon(at, "users"))});
    const command = { program: "sh", args: ["-c", ${JSON.stringify(`${daemon(at, "its")}; exec sleep 60`)}], env: { PATH: process.env.PATH }, directory: ${JSON.stringify(at.directory)} };
    await thisMachine().start(command, { stdout: ${JSON.stringify(at.file("out"))}, stderr: ${JSON.stringify(at.file("err"))} });
    setInterval(() => {}, 1000);`,
  );
  const harness = spawn(process.execPath, [at.file("harness.ts")], { stdio: "ignore" });
  const [its, users] = [await pidIn(at, "its"), await pidIn(at, "users")];
  harness.kill("SIGKILL");
  await until(() => !isAlive(its), 10);
  expect(isAlive(users)).toBe(true);
});

test.runIf(isBuilt)("a program that is here and cannot be started is told as without it", async () => {
  using at = bench();
  writeFileSync(at.file("tool"), "#!/nowhere/python3\n");
  chmodSync(at.file("tool"), 0o755);
  const command = { program: at.file("tool"), args: [], env: {}, directory: at.directory };
  await expect(thisMachine().start(command, { stdout: at.file("out"), stderr: at.file("err") })).rejects.toMatchObject({ code: "ENOENT" });
});

/** A shell's words for a program that has let go of whoever started it, in a session that has lost its leader, and says its number in a file. */
function daemon(at: Bench, name: string): string {
  const program = `fs.writeFileSync("${at.file(name)}", String(process.pid)); setInterval(() => {}, 1000)`;
  return `(env -i setsid sh -c '"$0" -e "$1" &' ${process.execPath} '${program}' >/dev/null 2>&1 &)`;
}

async function daemonOf(at: Bench, name: string): Promise<number> {
  spawn("sh", ["-c", daemon(at, name)], { stdio: "ignore" });
  return pidIn(at, name);
}

async function pidIn(at: Bench, name: string): Promise<number> {
  await until(() => existsSync(at.file(name)) && readFileSync(at.file(name), "utf8") !== "", 10);
  const pid = Number(readFileSync(at.file(name), "utf8"));
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });
  return pid;
}

async function start(at: Bench, script: string) {
  const command = { program: "sh", args: ["-c", script], env: { PATH: process.env["PATH"] ?? "" }, directory: at.directory };
  return thisMachine().start(command, { stdout: at.file("out"), stderr: at.file("err") });
}
