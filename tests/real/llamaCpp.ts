// Real llama-server on a machine without a GPU: npm run test:real -- llamaCpp builds it, or
//   ./tandem run tests/real/llamaCpp.ts -o outputs/ --set program=/path/to/llama-server --set model=/path/to/model.gguf
import { homedir } from "node:os";
import { atMost, documentQa, every, experiment, llamaCpp, ratio, testCase, type Engine, type Params } from "tandem";

/** Its own prompt cache, against the same server without it. */
export function test_llama_cpp_prompt_cache_cpu(params: Params) {
  return testCase({
    engines: { caching: tinyLlama(params, true), plain: tinyLlama(params, false) },
    baseline: "plain",
    experiments: [512, 1_024].map((contextTokens) => questions(contextTokens)),
    checks: (on) => ({
      "every request succeeds": atMost(on.plain.failures + on.caching.failures, 0),
      "a cached prefix halves the wait": atMost(ratio(on.caching.warm.ttft.p50, on.plain.warm.ttft.p50), 0.5),
    }),
  });
}

/** One server whose prompt cache is emptied before each block. */
export function test_llama_cpp_emptied_cpu(params: Params) {
  return testCase({
    engines: { caching: tinyLlama(params, true) },
    experiments: [{ ...questions(768), cacheState: "cold", repeats: 2 }],
    checks: (on) => ({ "every request succeeds": atMost(on.caching.failures, 0) }),
  });
}

function tinyLlama({ set }: Params, prefixCaching: boolean): Engine {
  const cache = `${homedir()}/.cache/tandem/llama.cpp`;
  const { program = `${cache}/llama-server`, model = `${cache}/tiny.gguf` } = set;
  return llamaCpp({ model, servedName: "tiny", program, contextLimit: 4_096, gpuLayers: 0, threads: 1, prefixCaching });
}

/** As many documents as have room in its four sequences. */
function questions(contextTokens: number) {
  return experiment({
    workload: documentQa({ contextTokens, questionTokens: 16, documents: 2, requests: 16, outputTokens: 8 }),
    arrivals: every({ seconds: 1.5 }),
    order: "interleaved",
  });
}
