// What traps.real.test.ts runs: real vLLM and LMCache in situations that a harness can fall for. npm run test:real -- traps
import { atMost, documentQa, every, experiment, testCase, withLmcache, type Engine, type Params } from "tandem";

import { quiet, tinyVllm } from "./tinyEngines.ts";

const questions = { contextTokens: 512, questionTokens: 16, documents: 2, requests: 8, outputTokens: 8 };

/**
 * KV cache on disk alone: in all three orders at a rate that both engines keep up with, and once beyond it. The memory on the way to the disk has
 * room for little: a second document 1.5 s after the first was once not stored at all, and half of the hits did not happen.
 */
export function test_disk(params: Params) {
  const plain = tinyVllm(params);
  const orders = (["together", "interleaved", "inTurn"] as const).map((order, seed) =>
    experiment({ workload: documentQa(questions), arrivals: every({ seconds: 3 }), order, seed, title: order }),
  );
  const tooMuch = { ...questions, contextTokens: 1_024, documents: 24, requests: 24, outputTokens: 2 };
  return testCase({
    engines: { disk: onDisk(plain), plain },
    baseline: "plain",
    experiments: [...orders, experiment({ workload: documentQa(tooMuch), arrivals: every({ seconds: 0.5 }), title: "too much" })],
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.disk.failures, 0) }),
  });
}

/** One engine's disk, for whoever wants to spoil what it keeps. Its caches are to be emptied, and LMCache itself empties its memory alone. */
export function test_spoilt(params: Params) {
  return testCase({ engines: { disk: onDisk(tinyVllm(params)) }, experiments: [few] });
}

/**
 * Two mistakes in one: LMCache in the process of an engine on a CPU is healthy and finds nothing, and with a connector, where it is not told its
 * cores, vLLM takes one more of them than without.
 */
export function test_inert(params: Params) {
  const plain = tinyVllm(params, { bound: false });
  const inert = withLmcache(plain, { config: { cpuGigabytes: 1 } });
  const workload = documentQa({ ...questions, requests: 4 });
  return testCase({
    engines: { plain, inert },
    baseline: "plain",
    experiments: [experiment({ workload, arrivals: every({ seconds: 6 }) })],
  });
}

/** Emptied by all means that are known, and by what vLLM alone does: `/reset_prefix_cache` answers 200 and leaves LMCache full. */
export function test_emptied(params: Params) {
  const plain = tinyVllm(params, { prefixCaching: true });
  const emptied = withLmcache(plain, { mode: "server", config: { cpuGigabytes: 1 }, server: { env: quiet } });
  const services: Engine["services"] = (world) =>
    Object.fromEntries(Object.entries(emptied.services?.(world) ?? {}).map(([name, { resets: _resets, ...service }]) => [name, service]));
  const resets = { paths: ["/reset_prefix_cache"], own: "/reset_prefix_cache", env: { VLLM_SERVER_DEV_MODE: "1" } };
  return testCase({
    engines: { emptied, left_full: { ...emptied, resets, services } },
    baseline: "emptied",
    experiments: [few],
  });
}

/**
 * An engine whose LMCache server is somebody else's: --set server=127.0.0.1:6555. Every request is cold, so every one of them stores; and between
 * two of them there is time for the server to be started anew without the engine's noticing.
 */
export function test_restarted(params: Params) {
  const { server: at = "127.0.0.1:6555" } = params.set;
  const cached = withLmcache(tinyVllm(params), { mode: "server", server: { at } });
  const workload = documentQa({ ...questions, documents: 5, requests: 5 });
  return testCase({ engines: { cached }, experiments: [experiment({ workload, arrivals: every({ seconds: 9 }) })] });
}

function onDisk(plain: Engine): Engine {
  return withLmcache(plain, { mode: "server", config: { cpuGigabytes: 0 }, server: { l2: [{ kind: "fs" }], env: quiet } });
}

const few = experiment({
  workload: documentQa({ ...questions, requests: 2 }),
  arrivals: every({ seconds: 1.5 }),
  cacheState: "cold",
  repeats: 2,
});
