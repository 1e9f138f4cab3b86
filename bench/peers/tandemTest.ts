import { attached, documentQa, every, experiment, testCase, type Params } from "tandem";

/** What Tandem's row of the table runs: short questions at the rate that keeps so many streams under way. */
export function test_peer({ set }: Params) {
  const { url = "", streams = "64", requests = "704", tokens = "100" } = set;
  const outputTokens = Number(tokens);
  const secondsOfReply = 0.1 + (outputTokens - 1) * 0.02;
  return testCase({
    engines: { server: attached({ url, api: "completions" }) },
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 24, questionTokens: 8, documents: 1, requests: Number(requests), outputTokens }),
        arrivals: every({ seconds: secondsOfReply / Number(streams) }),
      }),
    ],
  });
}
