import { once } from "node:events";
import { appendFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { attached } from "../engines/attached.ts";
import { withLmcache } from "../engines/lmcache.ts";
import type { LmcacheOptions } from "../engines/lmcacheOptions.ts";
import { simulated, type SimulatedOptions } from "../engines/simulated.ts";
import { sglang } from "../engines/sglang.ts";
import { tensorrtLlm } from "../engines/tensorrtLlm.ts";
import { vllm, type VllmOptions } from "../engines/vllm.ts";
import { virtualClock } from "../host/virtualClock.ts";
import { bench } from "../launch/fixture.ts";
import { told } from "../launch/traits.ts";
import { differences, proofReasons } from "../measure/proofs.ts";
import type { Engine } from "../model/engine.ts";
import { every } from "../arrivals/every.ts";
import type { Line } from "../model/exchange.ts";
import type { EngineProof } from "../model/proof.ts";
import type { TestResult } from "../model/result.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { RunningEngine } from "../model/running.ts";
import { inProcess } from "../simulation/inProcess.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { asked, unseenPrompt, type Asker } from "./askedPrompt.ts";
import { broughtTo } from "./cacheState.ts";
import { complaintsFromNow, prove } from "./proof.ts";

const world = { configFiles: {} };

interface Up {
  readonly running: RunningEngine;
  readonly asker: Asker;
}

/** A simulated engine in virtual time that is described as `described`. */
async function up(options: SimulatedOptions, described: Engine = simulated(options)): Promise<Up> {
  const clock = virtualClock();
  const simulation = simulated(options).simulation?.("h100", world);
  if (simulation === undefined) throw new Error("a simulated engine has a simulation");
  const engine: Engine = { ...described, launch: { kind: "inProcess", simulation } };
  const running = await inProcess.launch({
    name: "cached",
    engine,
    slot: { port: 0, gpus: [], directory: "" },
    world,
    logDirectory: "",
    clock,
    tell: () => {},
    signal: new AbortController().signal,
  });
  if (running.reach.kind !== "line") throw new Error("it is in this process");
  return {
    running,
    asker: { name: "cached", line: running.reach.line, clock, stop: new AbortController().signal, deadlines: defaultDeadlines },
  };
}

const memory = { prefixCaching: false, cpuCacheGigabytes: 5 };
const nothing = { prefixCaching: false };

async function repeated({ running, asker }: Up): Promise<EngineProof["checks"][number] | undefined> {
  return (await prove(running, world, asker, 0)).checks.find(({ what }) => what === "a prompt asked twice");
}

test("a cache that was asked for finds a prompt again, in whole pieces", async () => {
  expect(await repeated(await up(memory))).toMatchObject({ wanted: "found in the cache, 1,024 tokens", ok: true });
  expect((await repeated(await up(memory)))?.found).toMatch(/^1,024 of 1,088 tokens cached; answered in 0\.\d+ s, then 0\.\d+ s$/);
  expect(await repeated(await up({ prefixCaching: true }))).toMatchObject({ wanted: "found in the cache, 1,072 tokens", ok: true });
});

test("that replies tell of hits is kept, where one did", async () => {
  const told = async ({ running, asker }: Up) => (await prove(running, world, asker, 0)).reuse?.toldHits;
  expect(await told(await up(memory))).toBe(true);
  expect(await told(await up(nothing, simulated(memory)))).toBeUndefined();
});

test("where none was asked for, nothing is found", async () => {
  expect(await repeated(await up(nothing))).toMatchObject({ wanted: "computed anew, no cached tokens", ok: true });
});

test("an engine that is healthy and never caches is not the one that was asked for", async () => {
  const check = await repeated(await up(nothing, simulated(memory)));
  expect(check).toMatchObject({ ok: false });
  expect(check?.found).toMatch(/^0 of 1,088 tokens cached/);
});

test("neither is one that caches although it must not", async () => {
  expect(await repeated(await up({ prefixCaching: true }, simulated(nothing)))).toMatchObject({ ok: false });
  expect(await repeated(await up(memory, simulated(nothing)))).toMatchObject({ ok: false });
});

test("an attached server is held to the cache that is said of it, and TensorRT-LLM to its own", async () => {
  const said = (prefixCaching: boolean) => attached({ url: "http://h:1", prefixCaching });
  const keeps = { prefixCaching: true };
  expect(await repeated(await up(keeps, said(true)))).toMatchObject({ wanted: "found in the cache", ok: true });
  expect(await repeated(await up(nothing, said(true)))).toMatchObject({ ok: false });
  expect(await repeated(await up(keeps, said(false)))).toMatchObject({ wanted: "computed anew, no cached tokens", ok: false });
  expect(await repeated(await up(keeps, attached({ url: "http://h:1" })))).toBeUndefined();
  expect(await repeated(await up(keeps, tensorrtLlm({ model: "m" })))).toMatchObject({ ok: true });
  expect(await repeated(await up(keeps, tensorrtLlm({ model: "m", prefixCaching: false })))).toMatchObject({ ok: false });
});

test("nothing is proven of an engine of which nobody knows what it keeps", async () => {
  const { claims: _claims, ...unknown } = simulated(nothing);
  expect(await repeated(await up(nothing, unknown))).toBeUndefined();
});

test("a cache beside the engine's own is seen once the engine's own is emptied, and missed where it is not there", async () => {
  expect(await beside(await up(both))).toMatchObject({ found: "1,024 tokens, once the engine's own cache was emptied", ok: true });
  expect(await beside(await up({ prefixCaching: true }, simulated(both)))).toMatchObject({ ok: false });
  const { running, asker } = await up(both);
  const { resetCaches: _means, ...without } = running;
  expect(await beside({ running: without, asker })).not.toHaveProperty("ok");
});

/** As `up`, with its metrics page and its resets behind HTTP, where 200 is what a reset answers whatever it did. */
async function behindHttp({ running, asker }: Up, page: () => string, isEmptied = true): Promise<Up & AsyncDisposable> {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path.startsWith("/reset") && isEmptied) running.resetCaches?.(path.includes("external") ? "all" : "own");
    response.writeHead(200).end(path === "/metrics" ? page() : "");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  const { resetCaches: _means, ...without } = running;
  const reach = { kind: "http", url: `http://127.0.0.1:${port}`, acceptAnyCertificate: false } as const;
  return { running: { ...without, reach }, asker, [Symbol.asyncDispose]: async () => void server.close() };
}

const both = { prefixCaching: true, cpuCacheGigabytes: 5 };

async function beside({ running, asker }: Up): Promise<EngineProof["checks"][number] | undefined> {
  return (await prove(running, world, asker, 0)).checks.find(({ what }) => what === "the cache beside the engine");
}

test("hits of an engine's own cache are not taken for those of one beside it, whatever its reset answers", async () => {
  const alone = async () => up({ prefixCaching: true }, simulated(both));
  await using counting = await behindHttp(await alone(), () => "vllm:external_prefix_cache_hits_total 0\n", false);
  expect(await beside(counting)).toMatchObject({ ok: false });
  await using silent = await behindHttp(await alone(), () => "", false);
  const check = await beside(silent);
  expect(check).not.toHaveProperty("ok");
  expect(check?.found).toMatch(/^not seen: its replies tell 1,072 cached tokens/);
});

test("where only replies tell of hits they are believed if its own cache counts none", async () => {
  await using older = await behindHttp(await up(both), () => "vllm:gpu_prefix_cache_hits_total 7\n");
  expect(await beside(older)).toMatchObject({ wanted: "a hit, 1,024 tokens", found: expect.stringMatching(/^1,024 tokens/), ok: true });
});

test("a cache beside the engine that stores late is waited for, and none that may have been there is said to be missing", async () => {
  expect(await beside(await storingLate())).toMatchObject({ found: expect.stringMatching(/^1,024 tokens/), ok: true });
  await using untold = await behindHttp(await storingLate(), () => "");
  expect(await beside(untold)).not.toHaveProperty("ok");
});

test("a cache beside the engine that has only a part is waited for, and told as found in part", async () => {
  expect(await beside(partial(await up(both), 2.5e9))).not.toHaveProperty("partly");
  const found = "256 tokens, once the engine's own cache was emptied";
  expect(await beside(partial(await up(both), Infinity))).toMatchObject({ found, ok: true, partly: true });
});

test("no prompt of a probe is ever seen again, and none begins like another", () => {
  const clock = virtualClock();
  const beginnings = [0, 1, 2, 512, 513].map((ordinal) => unseenPrompt(1_088, clock, ordinal).messages[0]?.parts[0]);
  const words = beginnings.map((part) => (part?.kind === "passage" ? part.tokenIds.slice(0, 16).join(" ") : ""));
  expect(new Set(words).size).toBe(5);
});

/** An engine whose replies tell other cached tokens than it found: what `told` says of each, by its prompt, when it is sent; of prompts `longer` than they are. */
function telling({ running, asker }: Up, told: (prompt: unknown) => (cachedTokens: number) => number | undefined, longer = 0): Up {
  const firstParts = new Map<object, unknown>();
  const line: Line = {
    ...asker.line,
    open: async (connections) => asker.line.open(connections),
    prepare: (request, ...of) => {
      const prepared = asker.line.prepare(request, ...of);
      firstParts.set(prepared, request.messages[0]?.parts[0]);
      return prepared;
    },
    close: () => asker.line.close(),
    send: (prepared, listener) => {
      const tells = told(firstParts.get(prepared));
      return asker.line.send(prepared, {
        sent: (at, reused) => listener.sent(at, reused),
        opened: (at) => listener.opened(at),
        headers: (at, status) => listener.headers(at, status),
        chunk: (at, kind, tokens) => listener.chunk(at, kind, tokens),
        texts: (at, events) => listener.texts(at, events),
        ended: (at, ending) => {
          const promptTokens = (ending.promptTokens ?? 0) + longer;
          listener.ended(at, { ...ending, promptTokens, cachedTokens: tells(ending.cachedTokens ?? 0) });
        },
      });
    },
  };
  return { running, asker: { ...asker, line } };
}

/** An engine that finds a fourth of what it has seen, until so much time has passed since a prompt was first asked. */
function partial(engine: Up, until: number): Up {
  const firstAsked = new Map<unknown, number>();
  const { clock } = engine.asker;
  return telling(engine, (prompt) => {
    const since = firstAsked.get(prompt) ?? clock.now();
    firstAsked.set(prompt, since);
    const isPart = clock.now() - since < until;
    return (cachedTokens) => (isPart ? Math.min(256, cachedTokens) : cachedTokens);
  });
}

/** An engine with its own cache, and one beside it that has a prompt 1.5 s after its reply: also one that was emptied meanwhile. */
async function storingLate(): Promise<Up> {
  const storedAt = new Map<unknown, number>();
  const { running, asker } = await up({ prefixCaching: true }, simulated(both));
  const isKept = (prompt: unknown) => (storedAt.get(prompt) ?? Infinity) <= asker.clock.now();
  const resetCaches = (which: "all" | "own") => {
    if (which === "all") [...storedAt.keys()].filter(isKept).forEach((prompt) => storedAt.delete(prompt));
    return running.resetCaches?.(which) ?? false;
  };
  return telling({ running: { ...running, resetCaches }, asker }, (prompt) => (cachedTokens) => {
    if (isKept(prompt)) return Math.max(1_024, cachedTokens);
    storedAt.set(prompt, storedAt.get(prompt) ?? asker.clock.now() + 1.5e9);
    return cachedTokens;
  });
}

test("a prompt of which only a part is found again is waited for, and told as found in part", async () => {
  const late = partial(await up(memory), 2.5e9);
  expect(await repeated(late)).toMatchObject({ wanted: "found in the cache, 1,024 tokens", ok: true });
  expect(await repeated(late)).not.toHaveProperty("partly");
  const { running, asker } = partial(await up(memory), Infinity);
  const proof = await prove(running, world, asker, 0);
  expect(proof.checks.find(({ what }) => what === "a prompt asked twice")).toMatchObject({ ok: true, partly: true });
  expect(proofReasons(0, among(proof), [])).toMatchObject([{ state: "DEGRADED", engine: "cached" }]);
  const primed = await broughtTo("primed", workload, { running, reuse, asker, experiment: 0 });
  expect(primed?.checks).toMatchObject([{ wanted: "the last of them is found again, 2,047 tokens", ok: true, partly: true }]);
});

test("a system prompt that a server adds to each is told as cached before anybody has seen the rest, and that is no lie", async () => {
  const added = 1_200;
  const said = attached({ url: "http://h:1", prefixCaching: true });
  const check = async (whenUnseen: number) => {
    let asked = 0;
    const tokens = () => (asked++ === 0 ? whenUnseen : added + 1_072);
    return repeated(telling(await up({ prefixCaching: true }, said), () => tokens, added));
  };
  expect(await check(added)).toMatchObject({ wanted: "found in the cache", ok: true });
  expect(await check(added + 1_072)).toMatchObject({ wanted: "found in the cache, and nothing of it before", ok: false });
});

test("an engine that tells hits of a prompt that nobody had seen tells them of every prompt", async () => {
  const check = await repeated(telling(await up(nothing, simulated(memory)), () => () => 1_024));
  expect(check).toMatchObject({ wanted: "found in the cache, 1,024 tokens, and nothing of it before", ok: false });
  expect(check?.found).toMatch(/^1,024 when nobody had seen it, then 1,024 of 1,088 tokens cached/);
});

test("what a prompt has of a template is found at once, and not held against an engine", async () => {
  const check = await repeated(templated(await up(memory), 300));
  expect(check).toMatchObject({ found: expect.stringMatching(/^1,324 of 1,388 tokens cached/), ok: true });
  expect(check).not.toHaveProperty("partly");
});

const workload = documentQa({ contextTokens: 2_048, questionTokens: 16, documents: 3, requests: 6 }).generate(every({ seconds: 1 }), 0);
const reuse = { own: false, external: true, externalPiece: 256 };

test("cold: what was stored is not found any more, and that was looked at", async () => {
  const { running, asker } = await up(memory);
  const prompt = unseenPrompt(2_000, asker.clock, 9);
  await asked(asker, prompt);
  expect((await asked(asker, prompt)).ending.cachedTokens).toBe(1_792);
  const proof = await broughtTo("cold", workload, { running, reuse, asker, experiment: 0 });
  expect(proof).toMatchObject({ experiment: 0, checks: [{ found: "not found after one reset", ok: true }] });
  expect((await asked(asker, prompt)).ending.cachedTokens).toBe(0);
});

test("a reset that says it has worked and left the cache full is caught", async () => {
  const { running, asker } = await up(memory);
  const pretending = { ...running, resetCaches: () => true };
  const proof = await broughtTo("cold", workload, { running: pretending, reuse, asker, experiment: 0 });
  expect(proof?.checks).toMatchObject([{ found: "1,024 tokens still found; it says it is done", ok: false }]);
});

const twoCaches = { own: true, ownPiece: 16, external: true, externalPiece: 256 };

/** What is found of a prompt 3 s after caches were emptied, which was asked just before that. */
async function leftAfterCold({
  running,
  asker,
}: Up): Promise<{ readonly left: number | undefined; readonly proof: EngineProof | undefined }> {
  const prompt = unseenPrompt(1_088, asker.clock, 9);
  await asked(asker, prompt);
  const proof = await broughtTo("cold", workload, { running, reuse: twoCaches, asker, experiment: 0 });
  return { left: (await asked(asker, prompt, 3)).ending.cachedTokens, proof };
}

test("cold: a cache beside the engine's own that stores late is waited for, before it is emptied or after", async () => {
  const found = "not found after one reset";
  expect(await leftAfterCold(await storingLate())).toMatchObject({ left: 0, proof: { checks: [{ found, ok: true }] } });
  await using untold = await behindHttp(await storingLate(), () => "");
  expect(await leftAfterCold(untold)).toMatchObject({ left: 0, proof: { checks: [{ ok: true }] } });
});

/** An engine that puts a template of so many tokens, which it has already, before each prompt. */
function templated(engine: Up, tokens: number): Up {
  return telling(engine, () => (cachedTokens) => cachedTokens + tokens, tokens);
}

/** An engine that only counts what it finds, where it counts at all. */
async function countingOnly(counts: boolean, isEmptied: boolean): Promise<Up & AsyncDisposable> {
  let hits = 0;
  const engine = telling(await up({ prefixCaching: true }), () => (cachedTokens) => {
    hits += cachedTokens;
    return undefined;
  });
  return behindHttp(engine, () => (counts ? `vllm:prefix_cache_hits_total ${hits}\n` : ""), isEmptied);
}

test("cold: where replies do not tell of hits the engine's counters do, and where these do not either it is said", async () => {
  const cold = async (counts: boolean, isEmptied: boolean) => {
    await using engine = await countingOnly(counts, isEmptied);
    const own = { own: true, ownPiece: 16, external: false };
    return (await broughtTo("cold", workload, { ...engine, reuse: own, experiment: 0 }))?.checks[0];
  };
  expect(await cold(true, true)).toMatchObject({ found: "not found after one reset", ok: true });
  expect(await cold(true, false)).toMatchObject({ found: expect.stringMatching(/^1,072 tokens still found/), ok: false });
  const unseen = await cold(false, false);
  expect(unseen?.found).toMatch(/^cold was asked for and could not be seen/);
  expect(unseen).not.toHaveProperty("ok");
}, 15_000);

test("primed: nothing found of a context that may be shorter than a piece is no proof of another engine, of a long one it is", async () => {
  const state = async (contextTokens: number) => {
    const { running, asker } = await up(nothing);
    const short = documentQa({ contextTokens, questionTokens: 16, documents: 1, requests: 2 }).generate(every({ seconds: 1 }), 3);
    const unknown = { own: true, external: false };
    const proof = await broughtTo("primed", short, { running, reuse: unknown, asker, experiment: 0 });
    return proofReasons(0, among({ ...proof, engine: "cached", checks: proof?.checks ?? [], traits: [] }), []).map(({ state }) => state);
  };
  expect(await state(512)).toEqual(["DEGRADED"]);
  expect(await state(2_048)).toEqual(["INVALID"]);
});

test("the block of a server that is up already is the one that its page tells, where it was said to keep prompts", async () => {
  const page = () => 'vllm:cache_config_info{block_size="544",engine="0"} 1\n';
  const reuseOf = async (prefixCaching: boolean) => {
    await using server = await behindHttp(await up({ prefixCaching }, attached({ url: "http://h:1", prefixCaching })), page);
    return (await prove(server.running, world, server.asker, 0)).reuse;
  };
  expect(await reuseOf(true)).toEqual({ own: true, external: false, toldHits: true, ownPiece: 544 });
  expect(await reuseOf(false)).toEqual({ own: false, external: false });
});

test("primed: every context is found at its first question", async () => {
  const { running, asker } = await up(memory);
  const proof = await broughtTo("primed", workload, { running, reuse, asker, experiment: 0 });
  const what = "3 contexts asked about beforehand";
  expect(proof?.checks).toEqual([
    { what, wanted: "the last of them is found again, 2,047 tokens", found: "2,047 of 2,048 tokens", seen: "requests", ok: true },
  ]);
  for (const request of workload.requests.slice(0, 3)) expect((await asked(asker, request)).ending.cachedTokens).toBe(2_048);
});

test("as it is: nobody is asked anything", async () => {
  const { running, asker } = await up(memory);
  expect(await broughtTo("asItIs", workload, { running, reuse, asker, experiment: 0 })).toBeUndefined();
});

function seenAt(engine: Engine, logs: readonly string[]): RunningEngine {
  return {
    name: "seen",
    engine,
    reach: { kind: "http", url: "http://127.0.0.1:1", acceptAnyCertificate: false },
    logs,
    facts: { version: "0.32.0", "context limit": "32768 tokens" },
    servedModel: "tiny",
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A vLLM as it was seen to boot, by its log. */
function seen(log: string, engine: Engine): EngineProof {
  const logs = [fileURLToPath(new URL(`../launch/recorded/${log}.log`, import.meta.url))];
  const running = { ...seenAt(engine, logs), name: log };
  const claims = engine.claims?.(world) ?? { traits: [] };
  return { engine: log, ...told(running, claims, [{ name: "vllm:cache_config_info", labels: { block_size: "128" } }]) };
}

function plain(options: Partial<VllmOptions> = {}): Engine {
  return vllm({ model: "/models/tiny", dtype: "bfloat16", maxModelLen: 32_768, ...options });
}

function among(...proofs: readonly EngineProof[]): TestResult {
  const engines = proofs.map(({ engine }) => ({ name: engine, kind: "vllm" }));
  return { proofs, description: { engines } } as unknown as TestResult; // all that is looked at here
}

test("the flags in force are read from the log, and held against what was asked for", () => {
  const proof = seen("vllm-plain", plain({ prefixCaching: true, chunkedPrefill: true, enforceEager: true }));
  expect(proof.checks.filter(({ ok }) => ok !== true)).toEqual([]);
  expect(Object.fromEntries(proof.traits.map(({ what, found }) => [what, found]))).toEqual({
    version: "0.32.0",
    model: "/models/tiny",
    "context limit": "32768 tokens",
    dtype: "bfloat16",
    quantization: "None",
    "tensor parallel": "1",
    "prefix caching": "on",
    "chunked prefill": "on",
    "CUDA graphs": "off",
    "KV pool": "262,144 tokens",
    "KV block": "128 tokens",
    cores: "1 core",
    "Torch threads": "1",
  });
  const other = seen("vllm-plain", plain({ model: "/models/large", prefixCaching: false, dtype: "float32" }));
  expect(other.checks.filter(({ ok }) => ok === false)).toEqual([
    { what: "model", wanted: "/models/large", found: "/models/tiny", seen: "log", ok: false },
    { what: "dtype", wanted: "float32", found: "bfloat16", seen: "log", ok: false },
    { what: "prefix caching", wanted: "off", found: "on", seen: "log", ok: false },
  ]);
});

test("real engines on unlike cores are INVALID: with a connector vLLM was seen to take one core more", () => {
  const result = among(seen("vllm-plain", plain()), seen("vllm-lmcache-mp", plain({ extraArgs: ["--kv-transfer-config", "{}"] })));
  const reasons = proofReasons(0, result, []).filter(({ state }) => state === "INVALID");
  expect(reasons.map(({ what }) => what)).toEqual([
    "the engines differ in more than what was asked for: cores: vllm-plain 1 core, vllm-lmcache-mp 2 cores",
  ]);
});

test("an engine that was left more threads to compute with is told, and how to make them alike", () => {
  const result = among(seen("vllm-plain", plain()), seen("vllm-lmcache-mp", plain({ extraArgs: ["--kv-transfer-config", "{}"] })));
  const reasons = proofReasons(0, result, []).filter(({ state }) => state === "DEGRADED");
  expect(reasons).toContainEqual({
    state: "DEGRADED",
    what: "the engines differ in more than what was asked for: Torch threads: vllm-plain 1, vllm-lmcache-mp 2, 1",
    advice: "give every engine the same OMP_NUM_THREADS in its env, and run again",
  });
});

test("cores that one engine was bound to and the other was not are no difference that was asked for", () => {
  const bound = seen("vllm-plain", plain({ env: { VLLM_CPU_OMP_THREADS_BIND: "0" } }));
  const free = seen("vllm-lmcache-mp", plain({ extraArgs: ["--kv-transfer-config", "{}"] }));
  expect(proofReasons(0, among(bound, free), [])).toMatchObject(expect.arrayContaining([expect.objectContaining({ state: "INVALID" })]));
  const both = seen("vllm-lmcache-mp", plain({ env: { VLLM_CPU_OMP_THREADS_BIND: "0-1" } }));
  expect(differences(among(bound, both)).find(({ what }) => what === "cores")).toMatchObject({ wasAsked: true });
});

test("an in-process connector that could not be set up is caught by its log alone", () => {
  const proof = seen("vllm-lmcache-inert", withLmcache(plain(), { config: { cpuGigabytes: 2 } }));
  expect(proof.checks.filter(({ ok }) => ok === false)).toMatchObject([{ what: "LMCache", wanted: "no complaint in its log" }]);
  const wanted = "LMCacheConnectorV1";
  expect(proof.checks).toContainEqual({ what: "KV connector", wanted, found: wanted, seen: "log", ok: true });
});

test("an engine that loses its cache while it is measured, and answers all the same, is told of: in that experiment, not in the next", async () => {
  using at = bench();
  const log = at.file("stderr.log");
  writeFileSync(log, "(Worker pid=1) LMCache WARNING: LMCache server is unhealthy \u2014 entering degraded mode\n");
  const engine = withLmcache(plain(), { mode: "server", config: { cpuGigabytes: 2 } });
  const running = { ...(await up(nothing, engine)).running, logs: [log] };
  const duringFirst = complaintsFromNow([running], { cached: world });
  appendFileSync(
    log,
    `\u001B[31;20mLMCache ERROR:\u001B[0m Something went wrong when processing the store request for request_id=cmpl-1\n`,
  );
  const proofs = duringFirst(0);
  expect(proofs).toMatchObject([{ engine: "cached", experiment: 0, checks: [{ wanted: "no complaint in its log", ok: false }] }]);
  const [reason] = proofReasons(0, among(...proofs), []);
  expect(reason?.what).toBe(
    "is not what was asked for: LMCache's server, while it was measured: wanted no complaint in its log, " +
      "found LMCache ERROR: Something went wrong when processing the store request for request_id=cmpl-1",
  );
  expect(proofReasons(1, among(...proofs), [])).toEqual([]);
  expect(complaintsFromNow([running], { cached: world })(1)).toEqual([]);
});

test("a cache that had no room left while it was measured is told by its log's line, where it has no other place to keep what it found", async () => {
  using at = bench();
  const log = at.file("stderr.log");
  writeFileSync(log, "");
  const line =
    "LMCache WARNING: Failed to allocate memory block of size 33554432 because no memory is available (memory_management.py:1370:lmcache.v1.memory_management)";
  const wasFull = async (config: LmcacheOptions) => {
    const running = { ...(await up(nothing, withLmcache(plain(), { config }))).running, logs: [log] };
    const during = complaintsFromNow([running], { cached: world });
    appendFileSync(log, `(EngineCore pid=1) \u001B[33;20m[2026-11-28 15:14:53,844] ${line}\u001B[0m\n`);
    return during(0);
  };
  const [full] = await wasFull({ cpuGigabytes: 3 });
  expect(full).toMatchObject({ engine: "cached", experiment: 0, checks: [], wasFull: expect.stringContaining(line.slice(0, 90)) });
  expect(await wasFull({ cpuGigabytes: 3, diskPath: at.file("disk"), diskGigabytes: 9 })).toEqual([]);
});

test("a key of LMCache's configuration that the installed one does not know is complained of", () => {
  using at = bench();
  const log = at.file("stderr.log");
  const line =
    "LMCache WARNING: Unknown configuration key: max_cpu_cache (source: file: lmcache.yaml) (config_base.py:170:lmcache.v1.config_base)";
  writeFileSync(log, `(EngineCore pid=1) ${line}\n`);
  const engine = withLmcache(plain(), { config: { cpuGigabytes: 2 } });
  const { checks } = told(seenAt(engine, [log]), engine.claims?.(world) ?? { traits: [] }, []);
  expect(checks.filter(({ ok }) => ok === false)).toMatchObject([
    { what: "LMCache's configuration", found: expect.stringContaining(line) },
  ]);
});

test("how each thing was seen is written down: in the log, on the metrics page, in what its launcher found out", () => {
  const { traits } = seen("vllm-plain", plain());
  const sources = Object.fromEntries(traits.map(({ what, seen }) => [what, seen]));
  expect(sources).toMatchObject({ dtype: "log", "KV block": "metric", version: "fact" });
});

test("an engine without the connector that was asked for is not that engine", () => {
  const proof = seen("vllm-lmcache-mp", withLmcache(plain(), { config: { cpuGigabytes: 2 } }));
  const found = "LMCacheMPConnector";
  expect(proof.checks).toContainEqual({ what: "KV connector", wanted: "LMCacheConnectorV1", found, seen: "log", ok: false });
});

test("on a GPU: a second boot's KV pool, half a percent larger, is no difference; another backend or half the pool is", () => {
  const gpu = { model: "/opt/model", gpuMemoryUtilization: 0.8 };
  const first = seen("vllm-gpu-plain", vllm(gpu));
  const second = seen("vllm-gpu-second-boot", vllm(gpu));
  expect(first.traits).toContainEqual({ what: "attention backend", found: "FLASH_ATTN", seen: "log" });
  expect(first.traits).toMatchObject(expect.arrayContaining([expect.objectContaining({ what: "KV pool", found: "385,104 tokens" })]));
  expect(differences(among(first, second))).toEqual([]);

  const changed = (what: string, found: string): EngineProof => ({
    ...second,
    traits: second.traits.map((trait) => (trait.what === what ? { ...trait, found } : trait)),
  });
  expect(proofReasons(0, among(first, changed("attention backend", "TRITON_ATTN")), [])).toMatchObject([{ state: "DEGRADED" }]);
  expect(proofReasons(0, among(first, changed("KV pool", "190,000 tokens")), [])).toMatchObject([{ state: "DEGRADED" }]);
});

test("SGLang's own words, as it printed them on an H100", () => {
  const options = { model: "/opt/model", contextLength: 32_768, memFractionStatic: 0.8, extraArgs: ["--attention-backend", "triton"] };
  const proof = seen("sglang-gpu-hicache", sglang({ ...options, hiCache: { gigabytes: 30 } }));
  expect(Object.fromEntries(proof.traits.map(({ what, found }) => [what, found]))).toEqual({
    version: "0.32.0", // what stands in for its facts
    "context limit": "32768 tokens",
    "prefix caching": "on",
    "KV block": "1 tokens",
    "KV cache dtype": "bfloat16",
    "tensor parallel": "1",
    "KV pool": "391327 tokens",
    "attention backend": "triton",
    HiCache: "on",
    LMCache: "off",
  });
  expect(proof.checks.filter(({ ok }) => ok !== true)).toEqual([]);
  const other = seen("sglang-gpu-hicache", sglang({ ...options, prefixCaching: false, tensorParallel: 2 }));
  expect(other.checks.filter(({ ok }) => ok === false).map(({ what }) => what)).toEqual(["prefix caching", "tensor parallel"]);
});

test("on two GPUs: the larger KV pool that comes with them was asked for", () => {
  const gpu = { model: "/opt/model", gpuMemoryUtilization: 0.8 };
  const one = seen("vllm-gpu-plain", vllm(gpu));
  const across = { ...seen("vllm-gpu-plain", vllm({ ...gpu, tensorParallel: 2 })), engine: "two" };
  // The recording is of one GPU; what was seen on two stands in for its sizes.
  const found: Readonly<Record<string, string>> = { "KV pool": "1,690,048 tokens", "tensor parallel": "2" };
  const two: EngineProof = {
    ...across,
    checks: [],
    traits: across.traits.map((trait) => ({ ...trait, found: found[trait.what] ?? trait.found })),
  };
  expect(differences(among(one, two)).map(({ what, wasAsked }) => [what, wasAsked])).toEqual(
    expect.arrayContaining([
      ["KV pool", true],
      ["tensor parallel", true],
    ]),
  );
  expect(proofReasons(0, among(one, two), [])).toEqual([]);
});

test("a difference that was asked for is told, and is no reason against the run", () => {
  const half = seen("vllm-plain", plain({ dtype: "bfloat16" }));
  const full: EngineProof = { ...seen("vllm-plain", plain({ dtype: "float32" })), engine: "full", checks: [] };
  const told = { ...full, traits: full.traits.map((trait) => (trait.what === "dtype" ? { ...trait, found: "float32" } : trait)) };
  const result = among(half, told);
  expect(differences(result)).toMatchObject([{ what: "dtype", wasAsked: true }]);
  expect(proofReasons(0, result, [])).toEqual([]);
});
