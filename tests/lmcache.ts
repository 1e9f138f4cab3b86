import { atMost, documentQa, every, experiment, ratio, testCase, vllm, withLmcache, type Params } from "tandem";

/** KV cache kept in CPU memory, against the same engine without it. */
export function test_lmcache_local_cpu({ model }: Params) {
  // With its own prefix cache on, the baseline would find the document too, and the effect would not show.
  const plain = vllm({ model, gpuMemoryUtilization: 0.8, trustRemoteCode: true, prefixCaching: false });
  const cached = withLmcache(plain, { config: "../configs/lmcache_local_cpu.yaml" });
  return testCase({
    engines: { cached, plain },
    baseline: "plain",
    experiments: [8_192, 16_384, 24_576].map((contextTokens) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 1, requests: 10, outputTokens: 200 }),
        arrivals: every({ seconds: 8 }),
      }),
    ),
    checks: (on) => ({
      "every request succeeds": atMost(on.plain.failures + on.cached.failures, 0),
      "a cached prefix halves the wait": atMost(ratio(on.cached.warm.ttft.p50, on.plain.warm.ttft.p50), 0.5),
    }),
  });
}
