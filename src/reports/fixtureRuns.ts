import type { TestResult } from "../model/result.ts";
import { fixture } from "./fixture.ts";

const small = { contexts: [8_192], requests: 3 };

/** The runs that every report must cope with. Never part of a product run. */
export const fixtureRuns: Readonly<Record<string, TestResult>> = {
  "a finished run": fixture(small),
  "a single engine": fixture({ ...small, engines: ["plain"] }),
  "a failed request": fixture({ ...small, ttft: ({ request }) => (request === 1 ? undefined : 0.5) }),
  "no request succeeded": fixture({ ...small, ttft: () => undefined }),
  "cut off before the first request": cutOff(fixture(small)),
};

function cutOff(result: TestResult): TestResult {
  const experiments = result.experiments.map(({ span: _none, ...experiment }) => ({ ...experiment, records: [], neverDue: 6 }));
  return { ...result, experiments, verdicts: [], facts: {}, complete: false };
}
