import { join } from "node:path";

import { installedVersion, programOf, readReport, tokenizer } from "./environments.ts";
import { at, flags, numberAt, type Peer } from "./peer.ts";

export const guidellm: Peer = {
  name: "GuideLLM",
  gapIs: "mean of a reply",
  version: () => installedVersion("guidellm", "guidellm"),
  command: ({ url, streams, requests, tokens }, directory) => ({
    program: programOf("guidellm", "guidellm"),
    args: [
      "run",
      "--disable-console-interactive",
      ...flags({
        backend: `kind=openai_http,target=${url},model=truth,request_format=/v1/completions`,
        profile: `kind=concurrent,streams=${streams}`,
        constraint: `kind=max_requests,count=${requests}`,
        tokenizer: `kind=hf_auto,model=${tokenizer}`,
        data: `kind=synthetic_text,prompt_tokens=32,output_tokens=${tokens}`,
        output: `kind=json,path=${join(directory, "guidellm.json")}`,
      }),
    ],
  }),
  read: (directory) => {
    const benchmark = at(readReport(directory, "guidellm.json"), "benchmarks", "0");
    const totals = at(benchmark, "metrics", "request_totals");
    const spread = (metric: string) => {
      const percentiles = at(benchmark, "metrics", metric, "successful", "percentiles");
      return { p50: numberAt(percentiles, "p50"), p99: numberAt(percentiles, "p99") };
    };
    return {
      ttft: spread("time_to_first_token_ms"),
      gap: spread("inter_token_latency_ms"),
      completed: numberAt(totals, "successful"),
      failed: numberAt(totals, "errored"),
    };
  },
};
