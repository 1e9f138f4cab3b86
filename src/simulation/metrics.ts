import type { EngineCounts } from "./core.ts";

/** The engine's counters under vLLM's names, in Prometheus' text format. */
export function metricsText(counts: EngineCounts, servedModel: string): string {
  const computed = counts.promptTokens - counts.gpuHits - counts.cpuHits;
  const families: readonly Family[] = [
    ["num_requests_running", "gauge", "Number of requests in model execution batches.", { "": counts.running }],
    ["num_requests_waiting", "gauge", "Number of requests waiting to be processed.", { "": counts.waiting }],
    ["kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", { "": counts.kvUsage }],
    ["num_preemptions_total", "counter", "Cumulative number of preemption from the engine.", { "": counts.preemptions }],
    ["prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens.", { "": counts.gpuQueries }],
    ["prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens.", { "": counts.gpuHits }],
    ["external_prefix_cache_queries_total", "counter", "External prefix cache queries, in tokens.", { "": counts.cpuQueries }],
    ["external_prefix_cache_hits_total", "counter", "External prefix cache hits, in tokens.", { "": counts.cpuHits }],
    ["prompt_tokens_total", "counter", "Number of prefill tokens processed.", { "": counts.promptTokens }],
    [
      "prompt_tokens_by_source_total",
      "counter",
      "Number of prompt tokens by source.",
      { local_compute: computed, local_cache_hit: counts.gpuHits, external_kv_transfer: counts.cpuHits },
    ],
    ["generation_tokens_total", "counter", "Number of generation tokens processed.", { "": counts.outputTokens }],
    ["request_success_total", "counter", "Count of successfully processed requests.", { "": counts.finished }],
  ];
  return families.map((family) => familyText(family, servedModel)).join("");
}

/** Name, type, help, and values by their source; one without a source has the empty name. */
type Family = readonly [name: string, type: "gauge" | "counter", help: string, values: Readonly<Record<string, number>>];

function familyText([name, type, help, values]: Family, servedModel: string): string {
  const lines = Object.entries(values).map(([source, value]) => {
    const label = source === "" ? "" : `,source="${source}"`;
    return `vllm:${name}{engine="0",model_name="${servedModel}"${label}} ${value}\n`;
  });
  return `# HELP vllm:${name} ${help}\n# TYPE vllm:${name} ${type}\n${lines.join("")}`;
}
