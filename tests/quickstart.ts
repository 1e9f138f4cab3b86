import { atMost, documentQa, every, experiment, ratio, simulated, testCase } from "tandem";

/** A KV cache in CPU memory, against the same engine without one. Both are simulated: this runs anywhere, and measures no real engine. */
export function test_quickstart() {
  const plain = simulated({ prefixCaching: false });
  const cached = simulated({ prefixCaching: false, cpuCacheGigabytes: 20 });
  return testCase({
    engines: { plain, cached },
    baseline: "plain",
    experiments: [
      experiment({
        // Each of six documents is asked about once cold, then twice warm.
        workload: documentQa({ contextTokens: 8_192, questionTokens: 16, documents: 6, requests: 18, outputTokens: 32 }),
        arrivals: every({ seconds: 1 }),
      }),
    ],
    checks: (on) => ({
      "every request succeeds": atMost(on.plain.failures + on.cached.failures, 0),
      "a cached prefix halves the wait": atMost(ratio(on.cached.warm.ttft.p50, on.plain.warm.ttft.p50), 0.5),
    }),
  });
}
