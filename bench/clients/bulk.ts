import { attached, closedLoop, documentQa, experiment, testCase, type Params } from "tandem";

/** Whatever the truth server can send, to so many streams at a time. */
export function test_bulk({ set }: Params) {
  const server = attached({ url: set["url"] ?? "", api: "completions" });
  const [concurrency, requests, outputTokens] = ["streams", "requests", "tokens"].map((name) => Number(set[name])) as [
    number,
    number,
    number,
  ];
  const workload = documentQa({ contextTokens: 16, questionTokens: 8, documents: 16, requests, outputTokens });
  return testCase({ engines: { server }, experiments: [experiment({ workload, arrivals: closedLoop({ concurrency }) })] });
}
