// What gpuKills.ts runs and kills: the engines of ../gpu.ts, one at a time (--only), and one short experiment in which something is always in flight.
import { documentQa, every, experiment, withLmcache, type Params } from "tandem";

import { llama, test_in_turn } from "../gpu.ts";

export function test_gpu_kills(params: Params) {
  const test = test_in_turn(params);
  return {
    ...test,
    // Its pinned memory is given back by the kernel, which takes a while.
    engines: { ...test.engines, large: withLmcache(llama(params.set, 0.8), { config: { cpuGigabytes: 90 } }) },
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 1_024, questionTokens: 16, documents: 4, requests: 48, outputTokens: 128 }),
        arrivals: every({ seconds: 0.3 }),
      }),
    ],
  };
}
