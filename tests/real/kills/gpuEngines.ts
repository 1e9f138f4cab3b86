// What gpuKills.ts runs and kills: the engines of ../gpu.ts, one at a time (--only), and one short experiment in which something is always in flight.
import { documentQa, every, experiment, type Params } from "tandem";

import { test_in_turn } from "../gpu.ts";

export function test_gpu_kills(params: Params) {
  return {
    ...test_in_turn(params),
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 1_024, questionTokens: 16, documents: 4, requests: 24, outputTokens: 128 }),
        arrivals: every({ seconds: 0.3 }),
      }),
    ],
  };
}
