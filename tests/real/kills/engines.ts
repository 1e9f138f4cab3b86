// What kills.ts runs and kills: vLLM beside vLLM with an LMCache server, and one short experiment in which something is always in flight.
import { documentQa, every, experiment, type Params } from "tandem";

import { test_lmcache_server_cpu } from "../lmcacheCpu.ts";

export function test_kills(params: Params) {
  return {
    ...test_lmcache_server_cpu(params),
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 512, questionTokens: 16, documents: 4, requests: 24, outputTokens: 64 }),
        arrivals: every({ seconds: 0.5 }),
        order: "interleaved",
      }),
    ],
  };
}
