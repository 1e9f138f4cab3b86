import { installedVersion, programOf, readReport, tokenizer } from "./environments.ts";
import { flags, numberAt, type Peer } from "./peer.ts";

// Told to be offline it takes no tokenizer from a folder; so it is not told, and where a hub would be nothing listens.
const unreachableHub = { HF_HUB_OFFLINE: "", TRANSFORMERS_OFFLINE: "", HF_ENDPOINT: "http://127.0.0.1:9" };

export const aiperf: Peer = {
  name: "AIPerf",
  gapIs: "mean of a reply",
  version: () => installedVersion("aiperf", "aiperf"),
  command: ({ url, streams, requests, tokens }, directory) => ({
    program: programOf("aiperf", "aiperf"),
    environment: unreachableHub,
    args: [
      "profile",
      "--streaming",
      "--use-server-token-count",
      ...flags({
        model: "truth",
        url,
        "endpoint-type": "completions",
        ui: "none",
        tokenizer,
        isl: 32,
        osl: tokens,
        concurrency: streams,
        "request-count": requests,
        "artifact-dir": directory,
      }),
    ],
  }),
  read: (directory) => {
    const report = readReport(directory, "profile_export_aiperf.json");
    const spread = (metric: string) => ({ p50: numberAt(report, metric, "p50"), p99: numberAt(report, metric, "p99") });
    return {
      ttft: spread("time_to_first_token"),
      gap: spread("inter_token_latency"),
      completed: numberAt(report, "request_count", "avg"),
      failed: numberAt(report, "error_request_count", "avg"),
    };
  },
};
