// Real vLLM and real LMCache on a machine without a GPU: npm run test:real sets it up, or
//   ./tandem run tests/real/lmcacheCpu.ts -f test_lmcache_server_cpu -o outputs/ --set venv=/path/to/venv --set model=/path/to/model
import { atMost, documentQa, every, experiment, testCase, withLmcache, type Engine, type Params } from "tandem";

import { quiet, tinyVllm } from "./tinyEngines.ts";

/** KV cache in an LMCache server beside the engine, against the same engine without it. */
export function test_lmcache_server_cpu(params: Params) {
  return against(params, (plain) => withLmcache(plain, { mode: "server", config: { cpuGigabytes: 1 }, server: { env: quiet } }));
}

/** The same with Redis below the server's memory, which keeps nothing itself. */
export function test_lmcache_server_redis_cpu(params: Params) {
  const config = { cpuGigabytes: 0, remoteUrl: "redis://localhost:6379" };
  return against(params, (plain) => withLmcache(plain, { mode: "server", config, server: { env: quiet } }));
}

function against(params: Params, cachedFrom: (plain: Engine) => Engine) {
  const plain = tinyVllm(params);
  return testCase({
    engines: { cached: cachedFrom(plain), plain },
    baseline: "plain",
    experiments: [512, 1_024].map((contextTokens) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 2, requests: 16, outputTokens: 8 }),
        // Twice as often, two engines on one core are saturated at the longer ones, and the run says so.
        arrivals: every({ seconds: contextTokens / 340 }),
        order: "interleaved",
      }),
    ),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.cached.failures, 0) }),
  });
}
