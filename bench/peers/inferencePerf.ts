import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { installedVersion, programOf, readReport, tokenizer } from "./environments.ts";
import { inMilliseconds, numberAt, type Peer, type PeerLoad } from "./peer.ts";

export const inferencePerf: Peer = {
  name: "inference-perf",
  gapIs: "each",
  version: () => installedVersion("inference-perf", "inference_perf"),
  command: (load, directory) => {
    const configuration = join(directory, "config.yml");
    // JSON is YAML too.
    writeFileSync(configuration, JSON.stringify(configurationOf(load, directory)));
    return { program: programOf("inference-perf", "inference-perf"), args: ["--config_file", configuration] };
  },
  read: (directory) => {
    const report = readReport(directory, "summary_lifecycle_metrics.json");
    const spread = (metric: string) => ({
      p50: inMilliseconds(numberAt(report, "successes", "latency", metric, "median")),
      p99: inMilliseconds(numberAt(report, "successes", "latency", metric, "p99")),
    });
    return {
      ttft: spread("time_to_first_token"),
      gap: spread("inter_token_latency"),
      completed: numberAt(report, "successes", "count"),
      failed: numberAt(report, "failures", "count"),
    };
  },
};

function configurationOf({ url, streams, requests, tokens }: PeerLoad, directory: string): object {
  const always = (length: number) => ({ min: length, max: length, mean: length, std_dev: 0, type: "fixed", total_count: requests });
  return {
    api: { type: "completion", streaming: true },
    server: { type: "vllm", model_name: "truth", base_url: url, ignore_eos: true },
    tokenizer: { pretrained_model_name_or_path: tokenizer },
    data: { type: "random", input_distribution: always(32), output_distribution: always(tokens) },
    load: {
      type: "concurrent",
      num_workers: 1,
      worker_max_concurrency: streams,
      stages: [{ num_requests: requests, concurrency_level: streams }],
    },
    report: { request_lifecycle: { summary: true, per_stage: false, per_request: false, percentiles: [50, 99] } },
    storage: { local_storage: { path: join(directory, "reports") } },
  };
}
