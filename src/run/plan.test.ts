import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { attached } from "../engines/attached.ts";
import { simulated } from "../engines/simulated.ts";
import { vllm, type VllmOptions } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Engine } from "../model/engine.ts";
import { experiment, type ExperimentOptions } from "../model/experiment.ts";
import { cacheState, type Passage } from "../model/request.ts";
import { testCase } from "../model/testCase.ts";
import { passage } from "../model/vocabulary.ts";
import type { Arrivals, Workload } from "../model/workload.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { planTests } from "./plan.ts";
import { lasts, phasesOf, type PlannedExperiment } from "./planExperiments.ts";

const engines = { plain: simulated({ prefixCaching: false }), cached: simulated({ prefixCaching: false, cpuCacheGigabytes: 20 }) };
const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 3 });

async function planned(repeats: number): Promise<PlannedExperiment> {
  const experiments = [experiment({ workload, arrivals: every({ seconds: 1 }), repeats })];
  const named = { name: "test_blocks", testCase: testCase({ engines, baseline: "plain", experiments }) };
  const [test] = await planTests([named], { ports: [], set: {}, simulate: "h100" }, thisMachine());
  const [found] = test?.experiments ?? [];
  if (found === undefined) throw new Error("one experiment was planned");
  return found;
}

test("within a block every engine gets the very same request, in another block another one, at the same time", async () => {
  const turns = phasesOf(await planned(2), ["plain", "cached"]).flat();
  const apart = Map.groupBy(turns, ({ block, request }) => `${block} ${request.id}`);
  expect([...apart.values()].map((same) => same.length)).toEqual([2, 2, 2, 2, 2, 2]);
  expect([...apart.values()].map((same) => new Set(same.map(({ request }) => request)).size)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(new Set(turns.map(({ request }) => JSON.stringify(request.messages))).size).toBe(6);
  expect(turns.filter(({ request, due }) => due !== request.id)).toEqual([]);
});

test("the hash of the first block does not depend on how many follow it", async () => {
  const [once, twice] = [await planned(1), await planned(2)];
  expect(twice.hash).toBe(once.hash);
  expect(twice.laterBlocks.map(({ hash }) => hash === once.hash)).toEqual([false]);
});

test("engines that alternate need a time between requests, and a closed loop has none", async () => {
  const arrivals = closedLoop({ concurrency: 2 });
  const named = {
    name: "test_loop",
    testCase: testCase({ engines, baseline: "plain", experiments: [experiment({ workload, arrivals, order: "interleaved" })] }),
  };
  await expect(planTests([named], { ports: [], set: {}, simulate: "h100" }, thisMachine())).rejects.toThrow(
    "order interleaved, with requests that wait for an answer (arrivals closedLoop)",
  );
});

test("arrivals are told where they are those that are sent, and else that the times are the workload's own", async () => {
  const arrivals = closedLoop({ concurrency: 2 });
  const own = { ...workload, generate: (_: Arrivals, seed: number, block?: number) => workload.generate(atOnce(), seed, block) };

  const copied = {
    ...workload,
    generate: (asked: Arrivals, seed: number, block?: number) => {
      const made = workload.generate(asked, seed, block);
      return { ...made, requests: made.requests.map((request) => ({ ...request, arrival: { ...request.arrival } })) };
    },
  };
  const experiments = [workload, own, copied].map((each) => experiment({ workload: each, arrivals, repeats: 2 }));
  const named = { name: "test_arrivals", testCase: testCase({ engines, baseline: "plain", experiments }) };
  const [test] = await planTests([named], { ports: [], set: {}, simulate: "h100" }, thisMachine());
  const asked = { kind: "closedLoop", options: { concurrency: 2 }, phrase: "2 at a time" };
  const ofItsOwn = { kind: "of the workload's own", options: {} };
  expect(test?.description.experiments.map((described) => described.arrivals)).toEqual([asked, ofItsOwn, asked]);
});

test("how long a million requests last is known", async () => {
  const turn = phasesOf(await planned(1), ["plain"]).flat()[0];
  if (turn === undefined) throw new Error("one request was planned");
  expect(lasts([Array.from({ length: 1_000_000 }, (_, second) => ({ ...turn, due: second }))])).toBe(999_999);
});

test("what a model usually takes is a warning, what its engine is told to take is a limit", async () => {
  const long = documentQa({ contextTokens: 60_000, questionTokens: 4, documents: 1, requests: 1 });
  const model = "mistralai/Mistral-7B-Instruct-v0.2";
  const told = async (options: Partial<VllmOptions>) => {
    const messages: string[] = [];
    const engines = { plain: vllm({ model, program: "no-such-vllm", ...options }) };
    const named = { name: "test_long", testCase: testCase({ engines, experiments: [experiment({ workload: long, arrivals: atOnce() })] }) };
    await planTests([named], { ports: [], set: {} }, thisMachine(), { tell: (message) => messages.push(message) });
    return messages;
  };
  const warning = expect.stringMatching(
    /^warning: plain: mistralai\/Mistral-7B-Instruct-v0\.2 usually takes 32,768 tokens, the longest request has 60,\d{3} with its answer; the engine is asked/,
  );
  expect(await told({})).toEqual([warning]);
  expect(await told({ extraArgs: ["--max-model-len", "65536"] })).toEqual([]);
  expect(await told({ model: "/opt/Qwen3-8B", maxModelLen: 131_072 })).toEqual([]);
  await expect(told({ maxModelLen: 32_768 })).rejects.toThrow("plain takes 32,768 tokens, the longest request has 60,");
});

test("a workload that may not be what was meant is a warning, with its test and its experiment", async () => {
  const doubtful = documentQa({ contextTokens: 64, questionTokens: 4, documents: 5, requests: 3 });
  const experiments = [experiment({ workload: doubtful, arrivals: every({ seconds: 1 }) })];
  const named = { name: "test_documents", testCase: testCase({ engines: { plain: engines.plain }, experiments }) };
  const messages: string[] = [];
  await planTests([named], { ports: [], set: {} }, thisMachine(), { tell: (message) => messages.push(message) });
  expect(messages).toEqual([
    expect.stringMatching(/^warning: test_documents: 64 context tokens, .*: 2 of its 5 documents are never asked/),
  ]);
});

test("a generator that has the same prompts in every block is a warning, unless caches are emptied before each", async () => {
  const drawn = documentQa({ contextTokens: 64, questionTokens: 4, documents: 3, requests: 3 });
  const forgetful = { ...drawn, generate: (...[arrivals, seed]: Parameters<typeof drawn.generate>) => drawn.generate(arrivals, seed) };
  const told = async (options: Partial<ExperimentOptions>) => {
    const experiments = [experiment({ workload: forgetful, arrivals: every({ seconds: 1 }), repeats: 2, ...options })];
    const named = { name: "test_blocks", testCase: testCase({ engines: { plain: engines.plain }, experiments }) };
    const messages: string[] = [];
    await planTests([named], { ports: [], set: {} }, thisMachine(), { tell: (message) => messages.push(message) });
    return messages;
  };
  expect(await told({})).toEqual([expect.stringMatching(/^warning: test_blocks: .*: every block has the prompts of the first/)]);
  expect(await told({ workload: drawn })).toEqual([]);
  expect(await told({ cacheState: "cold" })).toEqual([]);
});

test("engines of one description are planned as alike, and none that are merely described alike", async () => {
  const plain = simulated({ prefixCaching: false });
  const alikeOf = async (given: Readonly<Record<string, Engine>>) => {
    const experiments = [experiment({ workload, arrivals: every({ seconds: 1 }) })];
    const named = { name: "test_alike", testCase: testCase({ engines: given, baseline: "plain", experiments }) };
    const [test] = await planTests([named], { ports: [], set: {} }, thisMachine());
    return test?.description.alike;
  };
  expect(await alikeOf({ plain, cached: engines.cached, again: plain })).toEqual([["plain", "again"]]);
  expect(await alikeOf({ plain, other: simulated({ prefixCaching: false }) })).toBeUndefined();
});

test("two engines that are one server are told once, by whatever names", async () => {
  const same = { one: attached({ url: "http://127.0.0.1:9" }), other: attached({ url: "http://localhost:9/v1" }) };
  const experiments = [1, 2].map((seconds) => experiment({ workload, arrivals: every({ seconds }), repeats: 6 }));
  const named = { name: "test_same", testCase: testCase({ engines: same, baseline: "one", experiments }) };
  const messages: string[] = [];
  await planTests([named], { ports: [], set: {} }, thisMachine(), { tell: (message) => messages.push(message) });
  expect(messages).toEqual([
    expect.stringMatching(
      /^warning: test_same will be DEGRADED: one and other are one server \(http:\/\/127\.0\.0\.1:9\): .*; compare two/,
    ),
  ]);
});

test("a system prompt of a few tokens that one of two servers had before is not worth a word", async () => {
  const behind = (seed: number) => ({
    ...workload,
    generate: (...[arrivals, , block]: Parameters<typeof workload.generate>) => withSystemPrompt(workload.generate(arrivals, seed, block)),
  });
  const found = await plannedTests([
    [behind(8), { one }],
    [behind(9), { one, other }],
  ]);
  expect(found.flatMap(({ askedBefore }) => askedBefore)).toEqual([]);
});

function withSystemPrompt(made: Workload): Workload {
  const system = { role: "system" as const, parts: [passage(" you")] };
  const requests = made.requests.map((request) => ({
    ...request,
    contextTokens: request.contextTokens + 1,
    messages: [system, ...request.messages],
  }));
  return { ...made, requests };
}

test("text of one's own is not refused by a count that is not the engine's: that it may not fit is a warning", async () => {
  const prose = passage("Whereof one cannot speak, thereof one must be silent. ".repeat(80));
  const asked = { ...workload, generate: (...of: Parameters<typeof workload.generate>) => withContext(prose, workload.generate(...of)) };
  const told = async (engine: Engine) => {
    const messages: string[] = [];
    const experiments = [experiment({ workload: asked, arrivals: atOnce() })];
    const named = { name: "test_prose", testCase: testCase({ engines: { plain: engine }, experiments }) };
    await planTests([named], { ports: [], set: {} }, thisMachine(), { tell: (message) => messages.push(message) });
    return messages.filter((message) => message.includes("tokens"));
  };
  const options = { model: "mistralai/Mistral-7B-Instruct-v0.2", program: "no-such-vllm" };
  const doubt = /^warning: engine plain takes 2,048 tokens, and text of one's own may have more: [34],\d{3} with its answer/;
  expect(await told(vllm({ ...options, maxModelLen: 2_048 }))).toEqual([expect.stringMatching(doubt)]);
  expect(await told(vllm({ ...options, maxModelLen: 8_192 }))).toEqual([]);
  await expect(told({ ...simulated({ prefixCaching: true }), contextLimit: 2_048 })).rejects.toThrow("plain takes 2,048 tokens");
});

function withContext(context: Passage, workload: Workload): Workload {
  const contextTokens = context.tokenIds.length;
  const requests = workload.requests.map((request) => ({
    ...request,
    contextTokens,
    messages: [{ role: "user" as const, parts: [context] }],
  }));
  const reusable = (id: number) => (id === 0 ? 0 : contextTokens);
  return { ...workload, requests: requests.map((request) => ({ ...request, questionTokens: 0, reusableTokens: reusable(request.id) })) };
}

test("servers that stay up keep what experiments and tests before have sent them, engines of a test's own only its own experiments'", async () => {
  const again = { ...workload, generate: (arrivals: Arrivals, _: number, block?: number) => workload.generate(arrivals, 0, block) };
  const arrivals = every({ seconds: 1 });
  const experiments = [experiment({ workload: again, arrivals }), experiment({ workload: again, arrivals })];
  const firstStates = async (engine: Engine) => {
    const named = ["test_one", "test_two"].map((name) => ({ name, testCase: testCase({ engines: { engine }, experiments }) }));
    const tests = await planTests(named, { ports: [], set: {} }, thisMachine());
    return tests.flatMap((test) => test.experiments.flatMap((planned) => planned.workload.requests.slice(0, 1).map(cacheState)));
  };
  expect(await firstStates(attached({ url: "http://127.0.0.1:1", model: "any" }))).toEqual(["cold", "warm", "warm", "warm"]);
  expect(await firstStates(simulated({ prefixCaching: true }))).toEqual(["cold", "warm", "cold", "warm"]);
});

const recordedQuestions = {
  ...workload,
  generate: (arrivals: Arrivals, _: number, block?: number) => workload.generate(arrivals, 0, block),
};
const [one, other] = [1, 2].map((port) => attached({ url: `http://127.0.0.1:${port}`, model: "any" })) as [Engine, Engine];

async function plannedTests(tests: readonly (readonly [sent: typeof workload, engines: Readonly<Record<string, Engine>>])[]) {
  const named = tests.map(([sent, engines], index) => {
    const experiments = [experiment({ workload: sent, arrivals: every({ seconds: 1 }) })];
    return { name: `test_${index}`, testCase: testCase({ engines, baseline: "one", experiments }) };
  });
  const found = await planTests(named, { ports: [], set: {} }, thisMachine());
  return found.flatMap(({ experiments, description }) =>
    experiments.map((planned, index) => ({ ...planned, description: description.experiments[index] })),
  );
}

test("a test whose servers were asked by tests before asks about documents that none of them has seen, other servers about the same ones", async () => {
  const found = await plannedTests([
    [workload, { one }],
    [workload, { one: other }],
    [workload, { one, other }],
    [workload, { one: simulated({ prefixCaching: true }) }],
  ]);
  expect(found.map((planned) => planned.experiment.seed)).toEqual([0, 0, 1, 0]);
  expect(found.map((planned) => planned.workload.requests.map(cacheState))).toEqual(found.map(() => ["cold", "warm", "warm"]));
  expect(found.flatMap(({ askedBefore }) => askedBefore)).toEqual([]);
});

test("prompts that one server had from a test before, and the other had not, are cold, and it is said who had them", async () => {
  const found = await plannedTests([
    [recordedQuestions, { one }],
    [recordedQuestions, { one, other }],
    [recordedQuestions, { one, fresh: simulated({ prefixCaching: true }) }],
    [recordedQuestions, { one, other }],
  ]);
  expect(found.map((planned) => planned.workload.requests.map(cacheState))).toEqual([
    ["cold", "warm", "warm"],
    ["cold", "warm", "warm"],
    ["cold", "warm", "warm"],
    ["warm", "warm", "warm"],
  ]);
  expect(found.map(({ description }) => description?.askedBefore)).toEqual([undefined, ["one"], ["one"], undefined]);
});
