import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { fitOf } from "../engines/knownPairs.ts";
import { HarnessError } from "../model/harnessError.ts";
import { setupMachine } from "./setupMachine.ts";
import { mark, setupPlan } from "./setupPlan.ts";

let within: string;
beforeEach(() => {
  within = mkdtempSync(join(tmpdir(), "tandem-setup-"));
});
afterEach(() => rmSync(within, { recursive: true }));

function directory(...files: readonly string[]): string {
  const made = mkdtempSync(join(within, "into-"));
  for (const file of files) writeFileSync(join(made, file), "");
  return made;
}

const machine = { hasUv: false, python: "python3", python311: "python3", lacks: [], hasDriver: true };
const wish = { what: "vllm-lmcache", cpu: true, machine };

test("an empty directory, a new one, and one of its own are taken", () => {
  for (const into of [directory(), join(directory(), "new"), directory(mark, "anything")]) {
    expect(setupPlan({ ...wish, into }).directory).toBe(into);
  }
});

test("a directory that holds anything else is refused, and nothing in it is touched", () => {
  const into = directory("thesis.tex");
  expect(() => setupPlan({ ...wish, into })).toThrow(`${into} is not empty, and not made by tandem setup`);
  expect(readdirSync(into)).toEqual(["thesis.tex"]);
});

test("everything is installed by an interpreter, or into one, below the directory: never the system's", () => {
  for (const hasUv of [true, false]) {
    for (const cpu of [true, false]) {
      const into = directory();
      const installs = setupPlan({ ...wish, into, cpu, machine: { ...machine, hasUv } }).steps.filter(({ command }) =>
        command.includes("install"),
      );
      for (const { command } of installs) expect(command.join(" ")).toContain(`${into}/venv/bin/python`);
      expect(installs).toHaveLength(cpu ? 0 : 1); // on a CPU the recipe does it, into the environment it is given
    }
  }
});

test("the pair for a GPU is one of those that are known to fit", () => {
  const packages = setupPlan({ ...wish, cpu: false, into: directory() }).steps.flatMap(({ command }) => command);
  const [, vllm = ""] = /^vllm==(.*)$/m.exec(packages.join("\n")) ?? [];
  const [, lmcache = ""] = /^lmcache==(.*)$/m.exec(packages.join("\n")) ?? [];
  expect(fitOf(vllm, lmcache).kind).toBe("fits");
});

test("what it cannot set up is a mistake with what it can", () => {
  expect(() => setupPlan({ ...wish, what: "sglang" })).toThrow(HarnessError);
});

test("all that the recipe for CPUs needs and is not here is known before the first step; a machine with everything lacks nothing", () => {
  const bare = setupMachine({ PATH: programs({}) }, "/nowhere");
  expect(setupPlan({ ...wish, machine: bare, into: directory() }).lacks.map(({ debian }) => debian)).toEqual([
    "gcc",
    "binutils",
    "libnuma1",
    "python3.11-venv",
  ]);
  const tools = { gcc: "", readelf: "", ldconfig: "echo '  libnuma.so.1 (libc6) => /lib/libnuma.so.1'" };
  const full = setupMachine({ PATH: programs({ ...tools, python3: "" }) });
  expect(setupPlan({ ...wish, machine: full, into: directory() }).lacks).toEqual([]);
});

test("libnuma is found where only administrators have ldconfig on their PATH", () => {
  const administration = programs({ ldconfig: "echo '  libnuma.so.1 (libc6) => /lib/libnuma.so.1'" });
  expect(setupMachine({ PATH: programs({ gcc: "", readelf: "" }) }, administration).lacks).toEqual([]);
});

test("where python3 is another, python3.11 is taken, and without one uv finds it", () => {
  const another = `case "$*" in *sys.exit*) exit 1;; esac`;
  const into = directory();
  const commands = (here: Readonly<Record<string, string>>) =>
    setupPlan({ ...wish, machine: setupMachine({ PATH: programs(here) }), into }).steps.map(({ command }) => command.join(" "));
  expect(commands({ python3: another, "python3.11": "" })[0]).toMatch(/^env PYTHON=python3\.11 bash .*install\.sh /);
  const [first, second] = commands({ python3: another, uv: "" });
  expect(first).toBe(`uv venv --allow-existing --seed --python 3.11 ${into}/venv`);
  expect(second).toMatch(/^env PYTHON=\S+\/venv\/bin\/python bash .*install\.sh /);
});

test("a machine that shows no GPU is warned of before 4 GB are fetched for one", () => {
  const warnings = (smi: Readonly<Record<string, string>>) =>
    setupPlan({ ...wish, cpu: false, machine: setupMachine({ PATH: programs(smi) }), into: directory() }).warnings;
  expect(warnings({})).toEqual([expect.stringContaining("no NVIDIA driver shows a GPU here")]);
  expect(warnings({ "nvidia-smi": "exit 9" })).toHaveLength(1);
  expect(warnings({ "nvidia-smi": "echo 'GPU 0: NVIDIA H100 (UUID: GPU-1)'" })).toEqual([]);
});

/** A PATH with these programs alone: what each does. */
function programs(scripts: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(within, "path-"));
  for (const [name, script] of Object.entries(scripts)) writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}
