// vLLM with and without LMCache on a GPU, and on two, with the shape of Llama-3.1-8B and no weights. docs/real-runs/ says how it was run and what came out.
//   tandem run tests/real/gpu.ts -f in_turn --set site=/path/to/site --set model=/path/to/model --journal-only
import {
  atMost,
  attached,
  closedLoop,
  documentQa,
  every,
  experiment,
  poisson,
  ratio,
  testCase,
  vllm,
  withLmcache,
  type Engine,
  type Params,
} from "tandem";

/** One engine after the other on the whole GPU: without a cache, LMCache in the engine's process, LMCache as a server beside it. */
export function test_in_turn({ set }: Params) {
  const plain = llama(set, 0.8);
  const config = { cpuGigabytes: 30 };
  return testCase({
    engines: {
      plain,
      in_process: withLmcache(plain, { config }),
      server: withLmcache(plain, { mode: "server", config, server: { env: { ...quiet, PYTHONPATH: siteOf(set) } } }),
    },
    baseline: "plain",
    experiments: contexts(Number(set["seconds"] ?? 2)),
    checks: (on) => ({
      "every request succeeds": atMost(on.plain.failures + on.in_process.failures + on.server.failures, 0),
      "a cached prefix halves the wait, in the process": atMost(ratio(on.in_process.warm.ttft.p50, on.plain.warm.ttft.p50), 0.5),
      "a cached prefix halves the wait, with a server": atMost(ratio(on.server.warm.ttft.p50, on.plain.warm.ttft.p50), 0.5),
    }),
  });
}

/** As most have it: vLLM's own prefix cache stays on, and LMCache is beside it. Each must be seen by itself. */
export function test_both_caches({ set }: Params) {
  const plain = llama(set, 0.8);
  const both = withLmcache(llama(set, 0.8, { prefixCaching: true }), { config: { cpuGigabytes: 30 } });
  return testCase({
    engines: { plain, both },
    baseline: "plain",
    experiments: contexts(Number(set["seconds"] ?? 2)),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.both.failures, 0) }),
  });
}

/** Both on one GPU at once, 0.4 of its memory each, the requests alternating. */
export function test_side_by_side({ set }: Params) {
  const plain = llama(set, 0.4);
  return testCase({
    engines: { plain, in_process: withLmcache(plain, { config: { cpuGigabytes: 30 } }) },
    baseline: "plain",
    experiments: contexts(Number(set["seconds"] ?? 3), "interleaved"),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.in_process.failures, 0) }),
  });
}

/** The same engine twice on one GPU, under load: whatever is found to differ is a mistake of ours, or one half of the GPU's. */
export function test_alike({ set }: Params) {
  const plain = llama(set, 0.4);
  const documents = (requests: number) =>
    documentQa({ contextTokens: 1_024, questionTokens: 16, documents: requests, requests, outputTokens: 64 });
  return testCase({
    engines: { one: plain, other: plain },
    baseline: "one",
    experiments: [
      experiment({ workload: documents(240), arrivals: poisson({ perSecond: 5 }), order: "together" }),
      experiment({ workload: documents(240), arrivals: closedLoop({ concurrency: 8 }), order: "together" }),
    ],
    checks: (on) => ({ "every request succeeds": atMost(on.one.failures + on.other.failures, 0) }),
  });
}

/** More than the engine can do: what is reported must say so. */
export function test_overloaded({ set }: Params) {
  const workload = documentQa({ contextTokens: 4_096, questionTokens: 16, documents: 400, requests: 400, outputTokens: 64 });
  return testCase({
    engines: { plain: llama(set, 0.4) },
    experiments: [experiment({ workload, arrivals: poisson({ perSecond: 40 }) })],
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures, 0) }),
  });
}

/** One that is up already, asked as its own client asks it (`vllm bench serve`): in text, or with `--set prompts=ids` as we ask engines that we start. */
export function test_beside({ set }: Params) {
  const [requests, streams] = [Number(set["requests"] ?? 256), Number(set["streams"] ?? 12)];
  const workload = documentQa({ contextTokens: 1_024, questionTokens: 16, documents: requests, requests, outputTokens: 64 });
  const tokenIds = set["prompts"] === "ids";
  return testCase({
    engines: { up: attached({ url: set["url"] ?? "http://127.0.0.1:8000", api: "completions", fixesLength: true, tokenIds }) },
    experiments: [experiment({ workload, arrivals: closedLoop({ concurrency: streams }) })],
    checks: (on) => ({ "every request succeeds": atMost(on.up.failures, 0) }),
  });
}

/** On two GPUs: both at once, each on a GPU of its own, asked at the same times. */
export function test_gpu_each({ set }: Params) {
  const plain = llama(set, 0.8);
  return testCase({
    engines: { plain, in_process: withLmcache(plain, { config: { cpuGigabytes: 30 } }) },
    baseline: "plain",
    experiments: contexts(Number(set["seconds"] ?? 2)),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.in_process.failures, 0) }),
  });
}

/** On two GPUs: the model on one of them, then across both. */
export function test_tensor_parallel({ set }: Params) {
  return testCase({
    engines: { one: llama(set, 0.8), two: llama(set, 0.8, { tensorParallel: 2 }) },
    baseline: "one",
    experiments: contexts(Number(set["seconds"] ?? 2)),
    checks: (on) => ({
      "every request succeeds": atMost(on.one.failures + on.two.failures, 0),
      "two GPUs are a third faster to the first token": atMost(ratio(on.two.cold.ttft.p50, on.one.cold.ttft.p50), 0.67),
    }),
  });
}

function siteOf({ site = "/opt/site" }: Params["set"]): string {
  return site;
}

/** Engines on several GPUs get by without NVLink's multicast, which not every host permits. */
const withoutMulticast = {
  NCCL_NVLS_ENABLE: "0",
  TORCH_SYMM_MEM_DISABLE_MULTICAST: "1",
  NVSHMEM_DISABLE_NVLS: "1",
  VLLM_ALLREDUCE_USE_SYMM_MEM: "0",
};

const quiet = { DO_NOT_TRACK: "1", LMCACHE_TRACK_USAGE: "false" };

export function llama(
  set: Params["set"],
  gpuMemoryUtilization: number,
  more: { readonly tensorParallel?: number; readonly prefixCaching?: boolean } = {},
): Engine {
  const { model = "/opt/model" } = set;
  const site = siteOf(set);
  return vllm({
    model,
    servedName: "llama",
    program: `${site}/bin/vllm`,
    gpuMemoryUtilization,
    prefixCaching: false,
    loadFormat: "dummy",
    maxModelLen: 32_768,
    maxNumSeqs: 16,
    ...more,
    env: {
      ...quiet,
      PYTHONPATH: site,
      HF_HUB_OFFLINE: "1",
      TRANSFORMERS_OFFLINE: "1",
      VLLM_NO_USAGE_STATS: "1",
      VLLM_SERVER_DEV_MODE: "1",
      VLLM_USE_FLASHINFER_SAMPLER: "0",
      ...withoutMulticast,
    },
  });
}

/** Six documents asked about twice: six cold requests, then six warm ones. */
function contexts(seconds: number, order?: "interleaved") {
  return [8_192, 16_384, 24_576].map((contextTokens) =>
    experiment({
      workload: documentQa({ contextTokens, questionTokens: 16, documents: 6, requests: 12, outputTokens: 32 }),
      arrivals: every({ seconds }),
      ...(order === undefined ? {} : { order }),
    }),
  );
}
