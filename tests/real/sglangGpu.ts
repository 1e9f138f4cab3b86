// SGLang on a GPU, with its prefix cache and with HiCache, against itself without either; the shape of Llama-3.1-8B and no weights.
//   tandem run tests/real/sglangGpu.ts --set site=/path/to/site --set model=/path/to/model --journal-only
import { atMost, documentQa, every, experiment, sglang, testCase, type Engine, type Params, type SglangOptions } from "tandem";

/** One engine after the other on the whole GPU. */
export function test_sglang({ set }: Params) {
  return testCase({
    engines: {
      plain: llama(set, { prefixCaching: false }),
      radix: llama(set, { prefixCaching: true }),
      hicache: llama(set, { hiCache: { gigabytes: 30 } }),
    },
    baseline: "plain",
    experiments: [8_192, 16_384, 24_576].map((contextTokens) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 6, requests: 12, outputTokens: 32 }),
        arrivals: every({ seconds: Number(set["seconds"] ?? 2) }),
      }),
    ),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.radix.failures + on.hicache.failures, 0) }),
  });
}

function llama({ model = "/opt/model", site = "/opt/site", attention = "triton" }: Params["set"], options: Partial<SglangOptions>): Engine {
  return sglang({
    model,
    servedName: "llama",
    memFractionStatic: 0.8,
    contextLength: 32_768,
    maxRunningRequests: 16,
    loadFormat: "dummy",
    // Without FlashInfer and Outlines, which no machine without internet has by chance.
    extraArgs:
      `--attention-backend ${attention} --sampling-backend pytorch --grammar-backend none --disable-prefill-cuda-graph --mm-feature-transport cpu`.split(
        " ",
      ),
    env: {
      PYTHONPATH: site,
      TVM_FFI_CACHE_DIR: `${site}/_jit_cache`,
      SGLANG_IS_FLASHINFER_AVAILABLE: "false",
      HF_HUB_OFFLINE: "1",
      TRANSFORMERS_OFFLINE: "1",
      DO_NOT_TRACK: "1",
    },
    ...options,
  });
}
