import type { EngineMetrics, MetricName, MetricSource } from "../model/engine.ts";

/** SGLang's counters under our names. Cached tokens are told by where they were: on the GPU, in host memory, in a storage of some kind. */
export const sglangMetrics: EngineMetrics = {
  path: "/metrics",
  series: {
    "running-requests": [{ name: "sglang:num_running_reqs" }],
    "waiting-requests": [{ name: "sglang:num_queue_reqs" }],
    "kv-usage-share": [{ name: "sglang:token_usage" }],
    "prompt-tokens-total": [{ name: "sglang:prompt_tokens_total" }],
    // Older versions do not tell where they were, newer ones not always.
    "prefix-hit-tokens-total": [cached("device"), cached("total"), cached("")],
    "external-hit-tokens-total": [cached(/^(?:host|storage)/)],
    "external-memory-hit-tokens-total": [cached("host")],
    // "storage_file", "storage_mooncake", …
    "external-lower-hit-tokens-total": [cached(/^storage/)],
    "generation-tokens-total": [{ name: "sglang:generation_tokens_total" }],
  },
};

function cached(source: string | RegExp): MetricSource {
  return { name: "sglang:cached_tokens_total", labels: { cache_source: source }, startsUnshown: true };
}

/** The server tells its tiers itself. What came out of LMCache in its process is counted as found on the GPU, so nobody can tell the two apart. */
export function metricsWithLmcache({ path, series }: EngineMetrics, mode: "in-process" | "server"): EngineMetrics {
  const told: readonly MetricName[] = ["external-memory-hit-tokens-total", "external-lower-hit-tokens-total"];
  const untold: readonly MetricName[] = mode === "server" ? [] : ["prefix-hit-tokens-total", "external-hit-tokens-total"];
  const left = Object.entries(series).filter(([name]) => ![...told, ...untold].some((one) => one === name));
  return { path, series: Object.fromEntries(left) };
}
