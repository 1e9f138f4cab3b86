import { expect, test } from "vitest";

import { figuresOf } from "../measure/testFigures.ts";
import type { Comparison } from "../model/figures.ts";
import { fixture } from "./fixture.ts";
import { headlines, isWithheld } from "./headlines.ts";

const one = { experiment: 0, baseline: "plain", other: "cached", pairs: 9, margin: 0.05 } as const;
const of = (metric: Comparison["metric"], cache: Comparison["cache"], verdict: Comparison["verdict"]): Comparison => ({
  ...one,
  metric,
  cache,
  verdict,
});

test("what is worse is told, each comparison once, after what is asked first: the first token where the cache is warm", () => {
  const [warm, cold, throughput] = [of("ttft", "warm", "worse"), of("ttft", "cold", "worse"), of("throughput", "warm", "worse")];
  const [better, coldThroughput] = [of("ttft", "partial", "better"), of("throughput", "cold", "inconclusive")];
  expect(headlines([coldThroughput, cold, better, throughput, warm])).toEqual([warm, throughput, cold]);
  expect(headlines([coldThroughput, cold])).toEqual([cold, coldThroughput]);
});

test("only what is INVALID gives no verdict", () => {
  const figures = figuresOf(fixture({ contexts: [8_192] }));
  const withheld = (["VALID", "DEGRADED", "INVALID"] as const).map((state) => {
    const experiments = figures.experiments.map((experiment) => ({ ...experiment, validity: { state, reasons: [] } }));
    return isWithheld({ experiment: 0 }, { ...figures, experiments });
  });
  expect(withheld).toEqual([false, false, true]);
});
