import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { fitOf } from "../engines/knownPairs.ts";
import { HarnessError } from "../model/harnessError.ts";
import { mark, setupPlan } from "./setupPlan.ts";

function directory(...files: readonly string[]): string {
  const made = mkdtempSync(join(tmpdir(), "tandem-setup-"));
  for (const file of files) writeFileSync(join(made, file), "");
  return made;
}

const wish = { what: "vllm-lmcache", cpu: true, hasUv: false };

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
      const installs = setupPlan({ ...wish, into, cpu, hasUv }).steps.filter(({ command }) => command.includes("install"));
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
