// Real vLLM and real LMCache on a machine without a GPU: scripts/real-engines/install.sh and make_model.py set them up, then
//   ./tandem run tests/real/lmcacheCpu.ts -f test_lmcache_server_cpu -o outputs/
// Elsewhere: --set venv=/path/to/venv --set model=/path/to/model
import { homedir } from "node:os";
import { atMost, documentQa, every, experiment, testCase, vllm, withLmcache, type Engine, type Params } from "tandem";

/** KV cache in an LMCache server beside the engine, against the same engine without it. */
export function test_lmcache_server_cpu(params: Params) {
  return against(params, (plain) => withLmcache(plain, { mode: "server", config: { cpuGigabytes: 1 }, server: { env: quiet } }));
}

/** The same with Redis below the server's memory, which keeps nothing itself. */
export function test_lmcache_server_redis_cpu(params: Params) {
  const config = { cpuGigabytes: 0, remoteUrl: "redis://localhost:6379" };
  return against(params, (plain) => withLmcache(plain, { mode: "server", config, server: { env: quiet } }));
}

const quiet = { DO_NOT_TRACK: "1", LMCACHE_TRACK_USAGE: "false", HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1" };

function against({ set }: Params, cachedFrom: (plain: Engine) => Engine) {
  const cache = `${homedir()}/.cache/tandem`;
  const { venv = `${cache}/real-engines`, model = `${cache}/tiny` } = set;
  const plain: Engine = {
    ...vllm({
      model,
      servedName: "tiny",
      program: `${venv}/bin/vllm`,
      dtype: "float32",
      maxModelLen: 4_096,
      prefixCaching: false,
      enforceEager: true,
      // In both, or they would differ in more than LMCache.
      extraArgs: ["--disable-hybrid-kv-cache-manager"],
      env: { ...quiet, VLLM_CPU_KVCACHE_SPACE: "1", VLLM_CPU_OMP_THREADS_BIND: "0" },
    }),
    gpus: 0,
    gpuShare: 0,
  };
  return testCase({
    engines: { cached: cachedFrom(plain), plain },
    baseline: "plain",
    experiments: [512, 1_024].map((contextTokens) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 2, requests: 16, outputTokens: 8 }),
        arrivals: every({ seconds: 1.5 }),
        order: "interleaved",
      }),
    ),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.cached.failures, 0) }),
  });
}
