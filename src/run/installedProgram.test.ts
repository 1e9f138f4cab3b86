import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { withLmcache } from "../engines/lmcache.ts";
import { sglang } from "../engines/sglang.ts";
import { tgi } from "../engines/tgi.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Engine } from "../model/engine.ts";
import { installedProgram, servicePrograms } from "./installedProgram.ts";

const help = new URL("recorded/vllm-0.32-help-excerpt.txt", import.meta.url).pathname;
const place = thisMachine();

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tandem-installed-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a program is asked once for each installation, and its version read beside it", async () => {
  const venv = install({ version: "0.32.0+cpu", knowsAll: true });
  const engine = vllm({ model: "m", venv });
  const told: string[] = [];
  const first = await ask(engine, told);
  expect(first?.version).toBe("0.32.0+cpu");
  expect(first?.flags).toContain("--no-enable-prefix-caching");
  expect(await ask(engine, told)).toEqual(first);
  expect(asked()).toEqual(["serve --help=all"]);
  expect(told).toEqual([`asking plain's ${venv}/bin/vllm for its flags; once for each installation`]);
  utimesSync(join(venv, "bin/vllm"), 1, 1); // as a new version does
  await ask(engine);
  expect(asked()).toHaveLength(2);
});

test("the LMCache in its environment is looked at every time: it is replaced by itself", async () => {
  const venv = install({ version: "0.32.0", knowsAll: true });
  const engine = vllm({ model: "m", venv });
  expect(await ask(engine)).not.toHaveProperty("beside");
  mkdirSync(join(venv, "lib/python3.11/site-packages/lmcache-0.5.6.dist-info"));
  expect(await ask(engine)).toMatchObject({ version: "0.32.0", beside: { lmcache: "0.5.6" } });
  expect(asked()).toHaveLength(1);
});

test("an older one that has no --help=all is asked for --help", async () => {
  const found = await ask(vllm({ model: "m", venv: install({ version: "0.6.2", knowsAll: false }) }));
  expect(found?.version).toBe("0.6.2");
  expect(asked()).toEqual(["serve --help=all", "serve --help"]);
});

test("one that does not say is not asked again while we live", async () => {
  const engine = vllm({ model: "m", venv: install({ version: "0.32.0", knowsAll: true }) });
  writeFileSync(join(directory, "venv/bin/vllm"), `#!/bin/sh\necho "$@" >> ${join(directory, "asked")}\nexit 1\n`);
  expect([await ask(engine), await ask(engine)]).toEqual([undefined, undefined]);
  expect(asked()).toEqual(["serve --help=all", "serve --help"]);
});

test("a program that is not here, or an engine whose program does not list flags, is not asked", async () => {
  expect(await ask(vllm({ model: "m", venv: "/nowhere" }))).toBeUndefined();
  expect(await ask(vllm({ model: "m", image: "vllm/vllm-openai:v0.24.0" }))).toBeUndefined();
});

test("of what conda starts the versions are those of its environment, not conda's own", async () => {
  const conda = join(directory, "bin/conda");
  mkdirSync(join(directory, "lib/python3.11/site-packages/conda-24.1.0.dist-info"), { recursive: true });
  mkdirSync(join(directory, "lib/python3.11/site-packages/lmcache-0.3.5.dist-info"), { recursive: true });
  mkdirSync(join(directory, "bin"));
  const says = (versions: string) =>
    `#!/bin/sh\necho "$5" >> ${join(directory, "asked")}\ncase "$5" in python) echo '${versions}';; *) cat ${help};; esac\n`;
  writeFileSync(conda, says('{"vllm": "0.32.0", "lmcache": null}'), { mode: 0o755 });
  const engine = vllm({ model: "m", conda: "serving" });
  const { flags, ...versions } = (await ask(engine, [], directory)) ?? {};
  expect(versions).toEqual({ version: "0.32.0" });
  expect(flags).toContain("--max-num-seqs");
  writeFileSync(conda, says("CondaError: no such environment"), { mode: 0o755 });
  expect(await ask(engine, [], directory)).toEqual({ flags });
});

test("an LMCache server that conda starts is asked there, and one that it does not start where it is", async () => {
  const conda = join(directory, "bin/conda");
  mkdirSync(join(directory, "bin"));
  const says = (first: string) =>
    `#!/bin/sh\necho "$@" | cut -c1-70 >> ${join(directory, "asked")}\ncase "${first}" in python) echo '{"lmcache": "0.5.6"}';; *) cat ${help};; esac\n`;
  writeFileSync(conda, says("$5"), { mode: 0o755 });
  writeFileSync(join(directory, "lmcache"), says("$1"), { mode: 0o755 });
  const versionOf = async (server: { program?: string }) => {
    const engine = withLmcache(vllm({ model: "m", conda: "serving" }), { mode: "server", server });
    const own = { PATH: `${directory}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: join(directory, "cache") };
    const found = await servicePrograms("cached", engine.services?.({ configFiles: {} }) ?? {}, { place, own });
    return found["lmcache-server"]?.version;
  };
  expect(await versionOf({})).toBe("0.5.6");
  expect(await versionOf({ program: join(directory, "lmcache") })).toBeUndefined();
  expect(asked()).toEqual([
    expect.stringMatching(/^run --no-capture-output --name serving python -c import/),
    "run --no-capture-output --name serving lmcache server --help",
    "server --help",
  ]);
});

test("where Python starts it Python tells its version, and a new one is asked for its flags", async () => {
  const bin = join(directory, "venv/bin");
  mkdirSync(bin, { recursive: true });
  const python = (versions: string, flags: string) =>
    `#!/bin/sh\necho "$1" >> ${join(directory, "asked")}\nif [ "$1" = -c ]; then echo '${versions}'; else sed 's/--max-num-seqs/${flags}/' ${help}; fi\n`;
  writeFileSync(join(directory, "python"), python('{"sglang": "0.5.22", "lmcache": "0.5.6"}', "--older"), { mode: 0o755 });
  symlinkSync(join(directory, "python"), join(bin, "python3"));
  utimesSync(join(directory, "python"), 1, 1);
  const engine = sglang({ model: "m", venv: join(directory, "venv") });
  const older = await ask(engine);
  expect(older).toMatchObject({ version: "0.5.22", beside: { lmcache: "0.5.6" } });
  expect(await ask(engine)).toEqual(older);
  expect(asked()).toEqual(["-c", "-m", "-c"]);
  // As an installation does: the Python is the same.
  writeFileSync(join(directory, "python"), python('{"sglang": "0.5.23", "lmcache": "0.5.6"}', "--newer"));
  utimesSync(join(directory, "python"), 1, 1);
  const newer = await ask(engine);
  expect([newer?.version, newer?.flags.includes("--newer"), newer?.flags.includes("--older")]).toEqual(["0.5.23", true, false]);
});

test("two environments of one Python are two installations", async () => {
  const flagsIn = async (name: string) => {
    mkdirSync(join(directory, name, "bin"), { recursive: true });
    symlinkSync(join(directory, "python"), join(directory, name, "bin/python3"));
    return (await ask(sglang({ model: "m", venv: join(directory, name) })))?.flags.includes("--of-one");
  };
  const says = `#!/bin/sh\ncase "$0" in */one/*) flag=--of-one;; *) flag=--of-other;; esac\nif [ "$1" = -c ]; then echo '{"sglang": "0.5.23"}'; else sed "s/--max-num-seqs/$flag/" ${help}; fi\n`;
  writeFileSync(join(directory, "python"), says, { mode: 0o755 });
  expect([await flagsIn("one"), await flagsIn("other")]).toEqual([true, false]);
});

test("a list is read where complaints are printed as well, in lines as wide as they need to be and without colours", async () => {
  const program = join(directory, "text-generation-launcher");
  writeFileSync(program, `#!/bin/sh\n[ "$COLUMNS $LINES $NO_COLOR" = "200 50 1" ] && cat ${help} >&2\nexit 2\n`, { mode: 0o755 });
  expect((await ask(tgi({ model: "m", program })))?.flags).toContain("--max-num-seqs");
});

test("asked-for flags are in the words of what is installed, and unknown ones a mistake", async () => {
  const engine = vllm({ model: "m", venv: install({ version: "0.32.0", knowsAll: true }), extraArgs: ["--max-model-length", "1"] });
  const program = await ask(engine);
  const { launch } = engine;
  if (launch.kind !== "process" || program === undefined) throw new Error("it is a process that was asked");
  expect(() => launch.command({ port: 1, gpus: [], directory: "/" }, { configFiles: {}, program })).toThrow(
    "vLLM 0.32.0 does not know --max-model-length (did you mean --max-model-len?)",
  );
});

async function ask(engine: Engine, told: string[] = [], prefix = "/usr") {
  const own = { PATH: `${prefix}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: join(directory, "cache") };
  return installedProgram("plain", engine, { configFiles: {} }, { place, own, tell: (message) => told.push(message) });
}

/** A virtual environment as pip lays it out, with a program that writes down what it was asked. */
function install({ version, knowsAll }: { version: string; knowsAll: boolean }): string {
  const venv = join(directory, "venv");
  mkdirSync(join(venv, "bin"), { recursive: true });
  mkdirSync(join(venv, `lib/python3.11/site-packages/vllm-${version}.dist-info`), { recursive: true });
  const refusal = knowsAll ? "" : `if [ "$2" = --help=all ]; then echo "usage: vllm serve [--help]"; exit 2; fi`;
  writeFileSync(join(venv, "bin/vllm"), `#!/bin/sh\necho "$@" >> ${join(directory, "asked")}\n${refusal}\ncat ${help}\n`);
  chmodSync(join(venv, "bin/vllm"), 0o755);
  return venv;
}

function asked(): readonly string[] {
  return readFileSync(join(directory, "asked"), "utf8").trim().split("\n");
}
