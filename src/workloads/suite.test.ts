import { describeWorkload } from "./describeWorkload.ts";
import { documentQa } from "./documentQa.ts";
import { varyLength } from "./varyLength.ts";

describeWorkload(() => documentQa({ contextTokens: 1_000, questionTokens: 16, documents: 1, requests: 10 }));
describeWorkload(() => documentQa({ contextTokens: 300, questionTokens: 1, documents: 7, requests: 40, pick: "random", outputTokens: 1 }));
describeWorkload(() => varyLength({ contextTokens: 500, requests: 6 }));
