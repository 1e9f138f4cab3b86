import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { command } from "../engines/command.ts";
import { withLmcache } from "../engines/lmcache.ts";
import { withOffloading } from "../engines/offloading.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Engine } from "../model/engine.ts";
import { experiment } from "../model/experiment.ts";
import { isStarted } from "../model/startedLaunch.ts";
import { testCase } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { planTests } from "./plan.ts";
import { emptiable, planEngines } from "./planEngines.ts";
import { blockedOf, blockedTogether } from "./prepare.ts";
import type { NamedTestCase } from "./testCases.ts";

const place = { ...thisMachine(), gpus: async () => [{ id: "0", name: "H100" }] };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tandem-engines-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a wrong key of its configuration and a flag that its program does not know are told together", async () => {
  const engine = vllm({ model: "m", venv: installed(), extraArgs: ["--max-num-seqz", "4"] });
  const { engines, mistaken, mistakes } = await planned({
    cached: withLmcache(engine, { config: written("chunk_sise: 256\n") }),
    lost: withLmcache(engine, { config: "/no/such/lmcache.yaml" }),
    plain: vllm({ model: "m", program: "no-such-vllm" }),
  });
  expect(mistakes.map(({ message }) => message)).toEqual([
    expect.stringMatching(/lmcache\.yaml: .*chunk_sise/),
    "the installed vLLM does not know --max-num-seqz (did you mean --max-num-seqs?)",
    "there is no configuration file /no/such/lmcache.yaml",
    "the installed vLLM does not know --max-num-seqz (did you mean --max-num-seqs?)",
  ]);
  expect([engines, mistaken].map((some) => some.map(({ name }) => name))).toEqual([["plain"], ["cached", "lost"]]);
});

test("a cache that nothing empties is a mistake where an experiment wants cold ones, told with what to do", async () => {
  const engine = vllm({ model: "meta-llama/Llama-3.1-8B-Instruct", program: "no-such-vllm" });
  const engines = {
    inside: withLmcache(engine, {}),
    theirs: withLmcache(engine, { mode: "server", config: { diskPath: "/kv", remoteUrl: "redis://cache:6379" } }),
    running: withLmcache(engine, { mode: "server", server: { at: "cache:5555" } }),
    other: withLmcache(engine, { mode: "server", server: { l2: [{ kind: "other", adapter: { type: "s3" } }] } }),
  };
  await expect(cold(engines)).rejects.toThrow(
    'cacheState: "cold" needs all caches emptied, and nothing empties LMCache in its process, of inside; the directory /kv, which is somebody else\'s, ' +
      "of theirs; the Redis at cache:6379, which is somebody else's, of theirs; the LMCache server at cache:5555, which is somebody else's, of running; " +
      "a tier of kind s3, of other",
  );
  const own = { config: { remoteUrl: "redis://localhost:6379" }, server: { l2: [{ kind: "fs" }] } } as const;
  const [test] = await cold({ own: withLmcache(engine, { mode: "server", ...own }) });
  expect(test?.engines.map(({ name }) => name)).toEqual(["own"]);
  const [simulated] = await cold({ inside: engines.inside }, { simulate: "h100" });
  expect(simulated?.engines.map(({ name }) => name)).toEqual(["inside"]);
});

/** Planned with an experiment that wants all caches cold; each engine on a GPU of its own. */
async function cold(engines: Readonly<Record<string, Engine>>, change: { readonly simulate?: string } = {}) {
  const workload = documentQa({ contextTokens: 64, questionTokens: 8, documents: 1, requests: 1 });
  const experiments = [experiment({ workload, arrivals: atOnce(), cacheState: "cold" })];
  const gpus = async () => Object.keys(engines).map((_, id) => ({ id: String(id), name: "H100" }));
  const named = { name: "test_cold", testCase: testCase({ engines, experiments, baseline: Object.keys(engines)[0] ?? "" }) };
  return planTests([named], { ports: [], set: {}, ...change }, { ...place, gpus });
}

test("a version too old for a server beside it and a flag that its program does not know are told together", async () => {
  const engine = vllm({ model: "m", venv: installed({ version: "0.21.0" }), extraArgs: ["--max-num-seqz", "4"] });
  const { mistakes } = await planned({
    offloaded: withOffloading(engine, { gigabytes: 4, backend: "lmcache" }),
    cached: withLmcache(engine, { connector: "LMCacheConnector" }),
    native: withOffloading(engine, { gigabytes: 4 }),
    plain: vllm({ model: "m", program: "no-such-vllm" }),
  });
  const wrongFlag = "vLLM 0.21.0 does not know --max-num-seqz (did you mean --max-num-seqs?)";
  expect(mistakes.map(({ message }) => message)).toEqual([
    expect.stringMatching(/came with vLLM 0\.22\.0, and 0\.21\.0 is installed/),
    wrongFlag,
    expect.stringMatching(/is gone since vLLM 0\.10\.1/),
    wrongFlag,
    wrongFlag,
  ]);
});

test("with mistakes is told what else is in the way: of engines without, of other tests, and a model that is missing", async () => {
  const wrong = withLmcache(vllm({ model: "/no/such/model", program: "no-such-vllm" }), { config: written("chunk_sise: 256\n") });
  const cases = [
    namedCase("test_one", { wrong, plain: vllm({ model: "m", program: "no-such-vllm" }) }),
    namedCase("test_two", { large: vllm({ model: "m", program: "node", tensorParallel: 99 }) }),
  ];
  const error: unknown = await planTests(cases, { ports: [], set: {} }, place, {
    inTheWay: async (tests) => blockedTogether(await blockedOf(tests, { place, tell: () => {} })),
  }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "usage", message: "1 mistake, and 2 tests cannot be run here" });
  expect((error as { hint: string }).hint.split("\n").filter((line) => !line.startsWith(" "))).toEqual([
    expect.stringMatching(/^test_one: .*chunk_sise/),
    "test_one: engine plain needs the program no-such-vllm, and it is not here",
    "test_one: engine wrong: there is no model at /no/such/model",
    expect.stringMatching(/^test_two: engine large needs 99 GPUs/),
  ]);
});

test("an engine that says it uses no GPU sees none where there are some", async () => {
  const program = "no-such-program";
  const own = (options: object) => command({ program, args: ["{port}"], model: "m", ...options });
  const engines = {
    none: vllm({ model: "m", program, gpus: 0 }),
    unsaid: own({}),
    changed: { ...own({}), gpus: 0 },
    some: vllm({ model: "m", program }),
  };
  const seen = async (gpuIds: readonly string[]) => {
    const found = await planned(engines, gpuIds);
    return found.engines.map(({ engine: { launch }, world }) => {
      const slot = { port: 1, gpus: [], directory: "/" };
      return "command" in launch ? launch.command(slot, world).env["CUDA_VISIBLE_DEVICES"] : "not started";
    });
  };
  expect(await seen(["0"])).toEqual(["", undefined, "", undefined]);
  expect(await seen([])).toEqual([undefined, undefined, undefined, undefined]);
});

test("what a launcher of some other kind starts is planned as any program is: flags asked, GPUs hidden, means to empty it added", async () => {
  const fine = await elsewhere(vllm({ model: "m", program: "none", gpus: 0 }));
  expect(fine.env).toMatchObject({ CUDA_VISIBLE_DEVICES: "", VLLM_SERVER_DEV_MODE: "1" });
  const wrong = await elsewhere(vllm({ model: "m", venv: installed(), extraArgs: ["--max-num-seqz"] }));
  expect(wrong.mistakes).toEqual(["the installed vLLM does not know --max-num-seqz (did you mean --max-num-seqs?)"]);
});

/** Of an engine that another kind of launcher starts, in a test with cold caches: its mistakes, or what is in its environment. */
async function elsewhere(engine: Engine): Promise<{ readonly mistakes: readonly string[]; readonly env: object }> {
  const launch = { ...engine.launch, kind: "scope" } as unknown as Engine["launch"]; // a kind that may come
  const { testCase: one, ...named } = namedCase("test_scope", { a: engine });
  const here = { place, own: { PATH: process.env["PATH"], XDG_CACHE_HOME: directory }, gpuIds: ["0"] };
  const asked = { ...named, testCase: { ...one, engines: { a: { ...engine, launch } } } };
  const { engines, mistakes } = await planEngines(asked, { ports: [], set: {} }, here);
  const cold = one.experiments.map((experiment) => ({ ...experiment, cacheState: "cold" as const }));
  const env = emptiable(engines, cold).map(({ engine, world }) =>
    isStarted(engine.launch) ? engine.launch.command({ port: 1, gpus: [], directory: "/" }, world).env : {},
  );
  return { mistakes: mistakes.map(({ message }) => message), env: { ...env[0] } };
}

async function planned(engines: Readonly<Record<string, Engine>>, gpuIds: readonly string[] = []): ReturnType<typeof planEngines> {
  const own = { PATH: process.env["PATH"], XDG_CACHE_HOME: directory };
  return planEngines(namedCase("test_engines", engines), { ports: [], set: {} }, { place, own, gpuIds });
}

function namedCase(name: string, engines: Readonly<Record<string, Engine>>): NamedTestCase {
  const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 1 });
  const [baseline = ""] = Object.keys(engines).slice(-1);
  return { name, testCase: testCase({ engines, baseline, experiments: [experiment({ workload, arrivals: atOnce() })] }) };
}

function written(yaml: string): string {
  const path = join(directory, "lmcache.yaml");
  writeFileSync(path, yaml);
  return path;
}

/** The folder of an environment whose vllm lists the flags it knows, and nothing else. */
function installed({ version }: { readonly version?: string } = {}): string {
  const bin = join(directory, "venv/bin");
  mkdirSync(bin, { recursive: true });
  const flags = ["--host", "--port", "--max-num-seqs", "--kv-transfer-config", "--enable-prompt-tokens-details"];
  const others = Array.from({ length: 20 }, (_, index) => `--other-${index}`);
  const listed = [...flags, ...others].map((flag) => `  ${flag} VALUE`).join("\n");
  writeFileSync(join(bin, "vllm"), `#!/bin/sh\ncat <<'END'\noptions:\n${listed}\nEND\n`, { mode: 0o755 });
  if (version !== undefined) mkdirSync(join(directory, `venv/lib/python3.12/site-packages/vllm-${version}.dist-info`), { recursive: true });
  return join(directory, "venv");
}
