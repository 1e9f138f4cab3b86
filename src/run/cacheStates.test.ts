import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import { simulated } from "../engines/simulated.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { virtualClock } from "../host/virtualClock.ts";
import { readTest } from "../journal/read.ts";
import { openJournal } from "../journal/write.ts";
import { figuresOf } from "../measure/testFigures.ts";
import type { Engine } from "../model/engine.ts";
import { experiment } from "../model/experiment.ts";
import type { TestResult } from "../model/result.ts";
import { testCase } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { planTests } from "./plan.ts";
import { runTest } from "./runTest.ts";

const workload = documentQa({ contextTokens: 2_048, questionTokens: 16, documents: 2, requests: 4, outputTokens: 2 });
const common = { workload, arrivals: every({ seconds: 1 }) };

const states = [
  experiment({ ...common, cacheState: "cold", repeats: 2, title: "cold" }),
  experiment({ ...common, cacheState: "primed", repeats: 2, title: "primed" }),
  experiment({ ...common, repeats: 2, title: "as it is" }),
];

const overrides = { ports: [], set: {} };

const within = mkdtempSync(join(tmpdir(), "tandem-states-"));
afterAll(() => rmSync(within, { recursive: true }));

async function ran(engines: Readonly<Record<string, Engine>>, experiments = states): Promise<TestResult> {
  const directory = join(mkdtempSync(join(within, "run-")), "test_states");
  const named = { name: "test_states", testCase: testCase({ engines, baseline: "plain", experiments }) };
  const place = thisMachine();
  const [planned] = await planTests([named], { ...overrides, simulate: "h100" }, place);
  if (planned === undefined) throw new Error("one test was planned");
  const clock = virtualClock();
  const journal = openJournal(directory, { virtual: true });
  const never = new AbortController().signal;
  const tell = (event: Parameters<typeof journal.event>[1]) => journal.event(clock.now(), event);
  const doing = { clock, place, journal, directory, tell, probes: [], stop: never, kill: never, experimentDone: async () => {} };
  await runTest(planned, doing);
  journal.close();
  return readTest(directory);
}

const engines = {
  plain: simulated({ prefixCaching: false }),
  cached: simulated({ prefixCaching: false, cpuCacheGigabytes: 20 }),
};

test("each state is what it says, to the token, and a run of all three is VALID", async () => {
  const result = await ran(engines);
  const cached = result.experiments.map(({ records }) =>
    records.filter(({ engine }) => engine === "cached").map((record) => record.cachedTokens),
  );
  expect(cached).toEqual([
    [0, 0, 2_048, 2_048, 0, 0, 2_048, 2_048],
    [2_048, 2_048, 2_048, 2_048, 2_048, 2_048, 2_048, 2_048], // primed before each of the two blocks
    [0, 0, 2_048, 2_048, 0, 0, 2_048, 2_048], // documents of its own in each block
  ]);
  const labels = result.experiments[2]?.records.filter(({ engine }) => engine === "plain").map(({ cache }) => cache);
  expect(labels).toEqual(["cold", "cold", "warm", "warm", "cold", "cold", "warm", "warm"]);
  expect(result.experiments[1]?.records.every(({ cache }) => cache === "warm")).toBe(true);
  expect(figuresOf(result).validity).toEqual({ state: "VALID", reasons: [] });
});

test("contexts of less than one block of a cache are found nowhere, and that is not held against an engine", async () => {
  const short = documentQa({ contextTokens: 10, questionTokens: 5, documents: 2, requests: 4, outputTokens: 2 });
  const result = await ran(engines, [experiment({ workload: short, arrivals: every({ seconds: 1 }), cacheState: "primed" })]);
  const primed = result.proofs?.find(({ experiment }) => experiment === 0);
  expect(primed?.checks).toEqual([
    {
      what: "2 contexts asked about beforehand",
      wanted: "the last of them is found again, 0 tokens",
      found: "0 of 10 tokens",
      seen: "requests",
    },
  ]);
  expect(figuresOf(result).validity).toEqual({ state: "VALID", reasons: [] });
});

test("the proofs are in the journal: of each engine once, and of each state of each engine that keeps anything", async () => {
  const { proofs = [] } = await ran(engines);
  expect(proofs.map(({ engine, experiment }) => [engine, experiment])).toEqual([
    ["plain", undefined],
    ["cached", undefined],
    ["cached", 0],
    ["cached", 0],
    ["cached", 1],
    ["cached", 1],
  ]);
  expect(proofs.flatMap(({ checks }) => checks.map(({ ok }) => ok))).toEqual([true, true, true, true, true, true]);
});

test("an engine that is not what it claims to be makes every experiment INVALID, and no verdict is given", async () => {
  const impostor: Engine = {
    ...engines.cached,
    ...(engines.plain.simulation === undefined ? {} : { simulation: engines.plain.simulation }),
  };
  const { experiments } = figuresOf(await ran({ plain: engines.plain, cached: impostor }));
  expect(experiments.map(({ validity }) => validity.state)).toEqual(["INVALID", "INVALID", "INVALID"]);
  expect(experiments[0]?.validity.reasons[0]).toMatchObject({ engine: "cached", what: expect.stringContaining("a prompt asked twice") });
});

test("cold caches of an engine that has no means for it are a mistake, told before anything boots", async () => {
  const { resets: _resets, ...without } = engines.cached;
  const named = { name: "test_states", testCase: testCase({ engines: { plain: without }, experiments: states }) };
  await expect(planTests([named], overrides, thisMachine())).rejects.toThrow(
    /cacheState: "cold" needs the caches of plain \(simulated\) emptied/,
  );
});
