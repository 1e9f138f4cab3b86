// Real vLLM on a machine without a GPU: npm run test:real sets it up, or
//   ./tandem run tests/real/vllmCpu.ts -o outputs/ --set venv=/path/to/venv --set model=/path/to/model
import { homedir } from "node:os";
import { atMost, documentQa, every, experiment, ratio, testCase, vllm, type Params } from "tandem";

import { foundExactly } from "./tinyEngines.ts";

/** Its own prefix cache, against the same engine without it. */
export function test_vllm_prefix_caching_cpu({ set }: Params) {
  const { venv = `${homedir()}/.cache/tandem/real-engines`, model = `${homedir()}/.cache/tandem/tiny` } = set;
  // Each on a core of its own: vLLM's worker waits for work by looking for it all the time, and on one core each would have half of it.
  const engine = (prefixCaching: boolean, core: string) =>
    vllm({
      model,
      servedName: "tiny",
      venv,
      gpus: 0,
      // A CPU without bfloat16 of its own is slower in it than in this.
      dtype: "float32",
      maxModelLen: 1_024,
      prefixCaching,
      enforceEager: true,
      env: { HF_HUB_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1", VLLM_CPU_KVCACHE_SPACE: "1", VLLM_CPU_OMP_THREADS_BIND: core },
    });
  return testCase({
    engines: { caching: engine(true, "1"), plain: engine(false, "0") },
    baseline: "plain",
    experiments: [256, 512].map((contextTokens) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 2, requests: 16, outputTokens: 8 }),
        arrivals: every({ seconds: 2 }),
        order: "interleaved",
      }),
    ),
    checks: (on) => ({
      "every request succeeds": atMost(on.plain.failures + on.caching.failures, 0),
      "every warm request finds its document": foundExactly(on.caching, [14 * 256, 14 * 512]),
      "a cached prefix is not slower": atMost(ratio(on.caching.warm.ttft.p50, on.plain.warm.ttft.p50), 1),
    }),
  });
}
