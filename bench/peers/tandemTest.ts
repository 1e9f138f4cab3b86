import { attached, closedLoop, documentQa, experiment, testCase, type Params } from "tandem";

/** What Tandem's row of the table runs: short questions, so many at a time, as everybody's. */
export function test_peer({ set }: Params) {
  const { url = "", streams = "64", requests = "704", tokens = "100" } = set;
  return testCase({
    engines: { server: attached({ url, api: "completions" }) },
    experiments: [
      experiment({
        workload: documentQa({
          contextTokens: 24,
          questionTokens: 8,
          documents: 1,
          requests: Number(requests),
          outputTokens: Number(tokens),
        }),
        arrivals: closedLoop({ concurrency: Number(streams) }),
      }),
    ],
  });
}
