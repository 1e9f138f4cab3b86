import type { EngineMetrics, MetricSource } from "../model/engine.ts";

/** Its configuration is a metric, too. */
export const vllmBlock = { name: "vllm:cache_config_info", label: "block_size" } as const;

/**
 * vLLM's counters under our names. Hits are taken from the prompt tokens by source, which count each token once and add up to all of them;
 * the older counters count a waiting request again each time it is looked at.
 */
export const vllmMetrics: EngineMetrics = {
  path: "/metrics",
  series: {
    "running-requests": [vllm("num_requests_running")],
    "waiting-requests": [vllm("num_requests_waiting")],
    "kv-usage-share": [vllm("kv_cache_usage_perc"), vllm("gpu_cache_usage_perc")],
    "preemptions-total": [vllm("num_preemptions_total")],
    "prompt-tokens-total": [vllm("prompt_tokens_total")],
    "computed-prompt-tokens-total": [bySource("local_compute")],
    "prefix-hit-tokens-total": [bySource("local_cache_hit"), vllm("prefix_cache_hits_total"), vllm("gpu_prefix_cache_hits_total")],
    "external-hit-tokens-total": [bySource("external_kv_transfer"), vllm("external_prefix_cache_hits_total")],
    "generation-tokens-total": [vllm("generation_tokens_total")],
  },
  block: vllmBlock,
};

function vllm(name: string): MetricSource {
  return { name: `vllm:${name}` };
}

function bySource(source: string): MetricSource {
  return { ...vllm("prompt_tokens_by_source_total"), labels: { source } };
}
