import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { folder, type Folder } from "../src/cli/fixture.ts";

const here = fileURLToPath(new URL("..", import.meta.url));
const hasCompiler = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

/** This project in another folder, with the dependencies of this one. */
function copied(where: Folder, ...path: readonly string[]): string {
  const to = where.at(...path);
  mkdirSync(join(to, "node_modules"), { recursive: true });
  for (const name of ["tandem", "scripts", "src", "package.json", "package-lock.json"])
    cpSync(join(here, name), join(to, name), { recursive: true });
  for (const name of readdirSync(join(here, "node_modules"))) {
    if (!name.startsWith(".tandem-native")) symlinkSync(join(here, "node_modules", name), join(to, "node_modules", name));
  }
  return to;
}

/** What doctor says there of receive stamps. */
function stampedBy(project: string, path = process.env["PATH"]): string | undefined {
  const { stdout, stderr } = spawnSync(join(project, "tandem"), ["doctor", "--json"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  expect(stderr).toBe("");
  const { findings } = JSON.parse(stdout) as { findings: readonly { what: string; found: string }[] };
  return findings.find(({ what }) => what === "receive stamps")?.found;
}

/** A PATH with what the launcher needs, and without a compiler. */
function withoutCompiler(where: Folder): string {
  const path = where.at("bin");
  mkdirSync(path);
  for (const name of ["sh", "env", "cmp", "dirname", "readlink", "uname", "rm", "cp", "mv"]) {
    symlinkSync(spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim(), join(path, name));
  }
  return path;
}

test.runIf(hasCompiler)("a library of stamps that does not load here is built again, and gone without where it cannot be", () => {
  using where = folder();
  const project = copied(where, "project");
  expect(stampedBy(project)).toBe("by the kernel");
  const library = join(project, "node_modules/.tandem-native.so");
  const whole = readFileSync(library);
  writeFileSync(library, whole.subarray(0, 9_000));
  expect(stampedBy(project)).toBe("by the kernel");
  writeFileSync(library, whole.subarray(0, 9_000));
  expect(stampedBy(project, withoutCompiler(where))).toBe("when they are read");
});

test.runIf(hasCompiler)("a folder with a space in its path starts as any other, without the library", () => {
  using where = folder();
  const project = copied(where, "with a space");
  expect(dirname(project)).toBe(where.path);
  expect(stampedBy(project)).toBe("when they are read");
});

/** A fresh clone, and a PATH whose npm installs nothing but what the launcher looks for. */
function fresh(where: Folder) {
  const project = where.at("fresh");
  mkdirSync(join(project, "scripts"), { recursive: true });
  for (const name of ["scripts/ready.sh", "package-lock.json"]) cpSync(join(here, name), join(project, name));
  const npm =
    "mkdir -p node_modules/node/bin && ln -sf /bin/true node_modules/node/bin/node && cp package-lock.json node_modules/.tandem-lock";
  where.write("bin/npm", `#!/bin/sh\necho npm >>npm.log\nsleep 0.5\n${npm}\n`);
  chmodSync(where.at("bin/npm"), 0o755);
  const env = { ...process.env, PATH: `${where.at("bin")}:${process.env["PATH"]}` };
  const ready = () => spawn("sh", ["-euc", `here=${project}; . "$here/scripts/ready.sh"`], { env, stdio: ["ignore", "ignore", "pipe"] });
  return { project, lock: join(project, ".installing"), ready };
}

async function said(call: ReturnType<ReturnType<typeof fresh>["ready"]>): Promise<string> {
  const [text] = await Promise.all([readText(call.stderr), once(call, "exit")]);
  return text;
}

const installing = "tandem: installing its pinned dependencies into node_modules (once, about half a minute)\n";

test("a call after an install that was killed installs, and leaves no lock", async () => {
  using where = folder();
  const { project, lock, ready } = fresh(where);
  const gone = spawnSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).stdout.trim();
  writeFileSync(lock, `${hostname()} ${gone}\n`);
  expect(await said(ready())).toBe(installing);
  expect([existsSync(lock), existsSync(join(project, "node_modules/.tandem-lock"))]).toEqual([false, true]);
});

test("a lock that does not tell whose it is, or of another machine, is waited for, which is said once, and taken over after ten minutes", async () => {
  for (const lockIt of [(lock: string) => mkdirSync(lock), (lock: string) => writeFileSync(lock, "elsewhere 1\n")]) {
    using where = folder();
    const { lock, ready } = fresh(where);
    lockIt(lock);
    const call = ready();
    let told = "";
    call.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
    const ended = once(call, "close");
    const waiting = `tandem: another call is installing the dependencies; waiting for it (its lock is ${lock})\n`;
    await expect.poll(() => told).toBe(waiting);
    await pause(1_000);
    expect(call.exitCode).toBe(null);
    const elevenMinutesAgo = Date.now() / 1_000 - 660;
    utimesSync(lock, elevenMinutesAgo, elevenMinutesAgo);
    await ended;
    expect(told).toBe(waiting + installing);
    expect(existsSync(lock)).toBe(false);
  }
});

test("of calls at once one installs, also where it is killed and its npm goes on", async () => {
  using where = folder();
  const { project, lock, ready } = fresh(where);
  const first = ready();
  await expect.poll(() => existsSync(join(project, "npm.log"))).toBe(true);
  first.kill("SIGKILL");
  await Promise.all([ready(), ready(), ready()].map(said));
  expect([readFileSync(join(project, "npm.log"), "utf8"), existsSync(lock)]).toEqual(["npm\n", false]);
});

test("V8 is told to collect on no other thread, and not to make small what has little to do: either stops a thread that measures", async () => {
  using where = folder();
  const file = where.write("flags.js", "console.log(process.execArgv.join(' ')); export const test_none = () => [];");
  const { stderr } = spawnSync(join(here, "tandem"), ["list", file], { encoding: "utf8" });
  expect(stderr.split("\n")).toContain("--single-threaded-gc --no-memory-reducer --initial-old-space-size=128");
});

test("where addresses are limited, V8 is told to keep none in reserve for what it compiles: with three such memories a thread would not start", () => {
  using where = folder();
  const file = where.write("flags.js", "console.log(process.execArgv.join(' ')); export const test_none = () => [];");
  const limited = (limit: string) =>
    spawnSync("sh", ["-c", `ulimit -v ${limit}; exec "$@"`, "sh", join(here, "tandem"), "list", file], { encoding: "utf8" });
  for (const limit of ["24000000", "34000000"])
    expect(limited(limit)).toMatchObject({ status: 0, stderr: expect.stringContaining("--disable-wasm-trap-handler") });
  expect(limited("unlimited").stderr).not.toContain("--disable-wasm-trap-handler");
});

test("what was packed and not cloned says so", async () => {
  using where = folder();
  const { project, lock, ready } = fresh(where);
  rmSync(join(project, "package-lock.json"));
  expect(await said(ready())).toContain("is used from a clone");
  expect(existsSync(lock)).toBe(false);
});

test("a call whose output nobody reads any more leaves no lock behind", async () => {
  using where = folder();
  const { lock, ready } = fresh(where);
  const call = ready();
  call.stderr.destroy();
  await once(call, "exit");
  expect(existsSync(lock)).toBe(false);
});
