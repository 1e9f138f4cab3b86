import { execFileSync } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";

import { expect, test } from "vitest";

import { watched } from "../scripts/fuzzWatch.ts";
import { folder } from "../src/cli/fixture.ts";

const watch = new URL("../scripts/fuzzWatch.ts", import.meta.url);

test("the fuzzer says how many inputs it tried, how fast, and which was the slowest", () => {
  const fuzzer = fileURLToPath(new URL("../scripts/fuzz.ts", import.meta.url));
  const printed = execFileSync(process.execPath, [fuzzer, "--inputs", "300", "--seed", "7"], { encoding: "utf8" });
  expect(printed).toMatch(
    /^300 inputs of seed 7 in \d+ s, \d+ a second: \d+ whole replies .*, \d+ broken ones .*; slowest input \d+: \d+ ms\n$/,
  );
});

test("replies made at random give their events, and broken ones the same in one read as in many", () => {
  const fuzzer = fileURLToPath(new URL("../scripts/fuzz.ts", import.meta.url));
  const printed = execFileSync(process.execPath, [fuzzer, "--inputs", "45000", "--seed", "1"], { encoding: "utf8" });
  expect(printed).toContain("the same in one piece as in many");
});

test.each([
  ["is read for ever", "while (true) {}", "still being read after 1 s: an endless loop?"],
  ["ends in an error", 'throw new Error("oh")', "Error: oh"],
])("an input that %s fails the fuzzer by its number", async (_, statement, complaint) => {
  using place = folder();
  const program = place.write(
    "fuzzed.mjs",
    `import { fuzz } from ${JSON.stringify(watch)}; fuzz((seed, input) => { if (input === 5) { ${statement} } }, () => "");`,
  );
  const result = await watched(pathToFileURL(program), { seed: 1, from: 0, to: 10 }, { stuckAfter: 1 });
  expect(result).toEqual({ kind: "failed", input: 5, complaint: expect.stringContaining(complaint) });
});

test("a program that is long in loading, as on a busy machine, is not taken for an endless loop", async () => {
  using place = folder();
  const program = place.write(
    "slow.mjs",
    `import { fuzz } from ${JSON.stringify(watch)}; await new Promise((loaded) => setTimeout(loaded, 2_500)); fuzz(() => undefined, () => "all");`,
  );
  const result = await watched(pathToFileURL(program), { seed: 1, from: 0, to: 10 }, { stuckAfter: 1 });
  expect(result).toEqual({ kind: "passed", summary: expect.stringMatching(/^all; slowest input/) });
});
