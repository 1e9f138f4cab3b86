// Real vLLM and real LMCache on a machine without a GPU: npm run test:real sets it up, or
//   ./tandem run tests/real/lmcacheCpu.ts -f test_lmcache_server_cpu -o outputs/ --set venv=/path/to/venv --set model=/path/to/model
import { atMost, documentQa, every, experiment, testCase, withLmcache, type Engine, type Params } from "tandem";

import { foundExactly, quiet, tinyVllm } from "./tinyEngines.ts";

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
    experiments: (
      [
        [512, "interleaved"],
        [1_024, "interleaved"],
        [512, "inTurn"],
      ] as const
    ).map(([contextTokens, order]) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 2, requests: 16, outputTokens: 8 }),
        // Twice as often, two engines on one core are saturated at the longer ones, and a document may not be stored yet when it is asked for again.
        arrivals: every({ seconds: contextTokens / 256 }),
        order,
        title: `${contextTokens} ${order}`,
      }),
    ),
    checks: (on) => ({
      "every request succeeds": atMost(on.plain.failures + on.cached.failures, 0),
      // 14 of 16 are warm, each with its whole document: two or four chunks.
      "every warm request finds its document": foundExactly(on.cached, [14 * 512, 14 * 1_024]),
      "nobody finds anything without a cache": foundExactly(on.plain, [0]),
    }),
  });
}
