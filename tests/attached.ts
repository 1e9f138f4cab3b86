import { atMost, attached, documentQa, every, experiment, testCase, type Params } from "tandem";

/** Document QA against a server that is up already: `--set url=http://127.0.0.1:8000`, and `--set model=NAME` where it has several. */
export function test_attached({ set }: Params) {
  const server = attached({
    url: set["url"] ?? "http://127.0.0.1:8000",
    ...(set["model"] === undefined ? {} : { model: set["model"] }),
    api: set["api"] === "completions" ? "completions" : "chat",
  });
  return testCase({
    engines: { server },
    experiments: [1_024, 4_096].map((contextTokens) =>
      experiment({
        workload: documentQa({ contextTokens, questionTokens: 16, documents: 4, requests: 12, outputTokens: 32 }),
        arrivals: every({ seconds: 2 }),
      }),
    ),
    checks: (on) => ({ "every request succeeds": atMost(on.server.failures, 0) }),
  });
}
