// SGLang on a GPU, with its prefix cache, with HiCache and with LMCache, against itself without any; the shape of Llama-3.1-8B and no weights.
//   tandem run tests/real/sglangGpu.ts -f 'sglang$' --set site=/path/to/site --set model=/path/to/model --journal-only
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
    experiments: contexts(Number(set["seconds"] ?? 2)),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.radix.failures + on.hicache.failures, 0) }),
  });
}

/** Of tokens: room for one document of 24,576 and little else, so that of six asked in turn none is on the GPU when it is asked about again. */
const smallPool = ["--max-total-tokens", "32768"];

/** With the same small pool: the second time radix finds nothing, and is DEGRADED for it; what lmcache finds has come back from its server. */
export function test_sglang_lmcache({ set }: Params) {
  const { site = "/opt/site" } = set;
  const server = { program: `${site}/bin/lmcache`, env: { ...quiet, PYTHONPATH: site } };
  return testCase({
    engines: {
      plain: llama(set, { prefixCaching: false }, smallPool),
      radix: llama(set, { prefixCaching: true }, smallPool),
      lmcache: llama(set, { lmcache: { cpuGigabytes: 30, server } }, smallPool),
    },
    baseline: "plain",
    experiments: contexts(Number(set["seconds"] ?? 3)),
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.radix.failures + on.lmcache.failures, 0) }),
  });
}

/** Six documents asked about twice: six cold requests, then six warm ones. */
function contexts(seconds: number) {
  return [8_192, 16_384, 24_576].map((contextTokens) =>
    experiment({
      workload: documentQa({ contextTokens, questionTokens: 16, documents: 6, requests: 12, outputTokens: 32 }),
      arrivals: every({ seconds }),
    }),
  );
}

const quiet = { DO_NOT_TRACK: "1", LMCACHE_TRACK_USAGE: "false" };

function llama(
  { model = "/opt/model", site = "/opt/site", attention = "triton" }: Params["set"],
  options: Partial<SglangOptions>,
  extraArgs: readonly string[] = [],
): Engine {
  return sglang({
    model,
    servedName: "llama",
    memFractionStatic: 0.8,
    contextLength: 32_768,
    maxRunningRequests: 16,
    loadFormat: "dummy",
    // Without FlashInfer and Outlines, which no machine without internet has by chance.
    extraArgs: [
      ...`--attention-backend ${attention} --sampling-backend pytorch --grammar-backend none`.split(" "),
      ..."--disable-prefill-cuda-graph --mm-feature-transport cpu".split(" "),
      ...extraArgs,
    ],
    env: {
      PYTHONPATH: site,
      TVM_FFI_CACHE_DIR: `${site}/_jit_cache`,
      SGLANG_IS_FLASHINFER_AVAILABLE: "false",
      HF_HUB_OFFLINE: "1",
      TRANSFORMERS_OFFLINE: "1",
      ...quiet,
    },
    ...options,
  });
}
