import { describeWorkload } from "./describeWorkload.ts";
import { documentQa } from "./documentQa.ts";
import type { WorkloadGenerator } from "../model/workload.ts";
import { varyLength } from "./varyLength.ts";

describeWorkload(() => documentQa({ contextTokens: 1_000, questionTokens: 16, documents: 1, requests: 10 }));
describeWorkload(() => documentQa({ contextTokens: 300, questionTokens: 1, documents: 7, requests: 40, pick: "random", outputTokens: 1 }));
describeWorkload(() => varyLength({ contextTokens: 500, requests: 6 }));
describeWorkload(() => log(9), { isRecorded: true });

/** Prompts that hang on neither seed nor block, as those of a log. */
function log(requests: number): WorkloadGenerator {
  const workload = documentQa({ contextTokens: 40, questionTokens: 8, documents: 3, requests });
  const generate: WorkloadGenerator["generate"] = (arrivals, seed) => ({ ...workload.generate(arrivals, 0), seed });
  return { ...workload, generate, resized: log };
}
