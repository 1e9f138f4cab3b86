import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import type { Call } from "./flags.ts";
import { movedSeeds } from "./movedSeeds.ts";
import { shaped } from "./shaping.ts";

const within = mkdtempSync(join(tmpdir(), "tandem-shaping-"));
afterAll(() => rmSync(within, { recursive: true }));

const testFile = `
import { attached, documentQa, every, experiment, testCase } from "${join(import.meta.dirname, "../index.ts")}";
const server = (port) => attached({ url: "http://127.0.0.1:" + port, model: "any" });
const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 2 });
const experiments = () => [experiment({ workload, arrivals: every({ seconds: 1 }) })];
export const test_one = () => testCase({ engines: { a: server(1), b: server(2) }, baseline: "a", experiments: experiments() });
export const test_two = () => testCase({ engines: { a: server(1) }, experiments: experiments() });
export const test_three = () => testCase({ engines: { a: server(3) }, experiments: [...experiments(), ...experiments()] });
export const test_four = () => testCase({ engines: { a: server(3) }, experiments: [...experiments(), ...experiments()] });
`;

async function shapedTests(options: Call["options"]) {
  const path = join(within, "servers.ts");
  writeFileSync(path, testFile);
  return shaped({ argument: path, options, argv: [] }, thisMachine());
}

test("a test that is not run has sent nothing to the servers of those after it", async () => {
  const { tests, without } = await shapedTests({ filter: "one|two" });
  const seeds = (of: typeof tests) => of.map(({ name, experiments }) => [name, experiments[0]?.experiment.seed]);
  expect(seeds(tests)).toEqual([
    ["test_one", 0],
    ["test_two", 1],
  ]);
  expect(seeds(await without(["test_one"]))).toEqual([["test_two", 0]]);
  expect(await without([])).toEqual(tests);
});

test("a test that has other seeds than --seed asked for says which, and whose servers were asked before", async () => {
  const { tests, without } = await shapedTests({ seed: 7 });
  const told = (of: typeof tests) => of.flatMap((planned) => movedSeeds(planned, 7));
  expect(told(tests)).toEqual([
    "test_two: seed 8, not 7: its servers have had prompts of --seed 7 from a test before it",
    "test_four: seeds 9 and 10, not 7 and 8: its servers have had prompts of --seed 7 from a test before it",
  ]);
  expect(told(await without(["test_one", "test_three"]))).toEqual([]);
  expect(tests.flatMap((planned) => movedSeeds(planned, undefined))).toEqual([]);
});
