import { describe, expect, test } from "vitest";

import type { Comparison, ValidityState } from "../model/figures.ts";
import { forMore } from "../measure/forMore.ts";
import { engineSummary } from "../measure/summary.ts";
import { failed } from "../model/outcome.ts";
import { figuresOf } from "../measure/testFigures.ts";
import { fixture, type FixtureOptions } from "./fixture.ts";
import {
  byChancePhrase,
  comparisonSentence,
  failuresPhrase,
  gainCaveats,
  goodputPhrase,
  leftOutPhrases,
  sentTwicePhrase,
  unfinishedPhrase,
  ungatedPhrase,
  withheldSentence,
} from "./sentences.ts";

const unmeasured = {
  experiment: 0,
  metric: "ttft",
  cache: "warm",
  baseline: "plain",
  other: "cached",
  pairs: 9,
  margin: 0.05,
} as const;

const ttft: Comparison = { ...unmeasured, effect: 2.41, interval: [1.92, 3.08], verdict: "better" };

test("better says how many times as fast, with interval and caveats", () => {
  expect(comparisonSentence(ttft)).toBe(
    "cached is 2.4 times as fast to the first token as plain (1.9 to 3.1), warm, 9 pairs, within this boot",
  );
});

test("worse is told the other way round: a ratio of 0.5 takes twice as long", () => {
  expect(comparisonSentence({ ...ttft, effect: 0.5, interval: [0.4, 0.8], verdict: "worse" })).toBe(
    "cached takes 2.0 times as long to the first token as plain (1.3 to 2.5), warm, 9 pairs, within this boot",
  );
});

test("equivalent says within what", () => {
  expect(comparisonSentence({ ...ttft, effect: 1.01, interval: [0.98, 1.03], verdict: "equivalent" })).toBe(
    "cached and plain are equally fast to the first token, to within 5 %: ratio 1.01 (0.98 to 1.03), warm, 9 pairs, within this boot",
  );
});

test("inconclusive says why, and what would settle it", () => {
  const inconclusive = {
    ...ttft,
    effect: 1.1,
    interval: [0.85, 1.4],
    verdict: "inconclusive",
    reason: "the interval does not clear the margin",
    morePairs: 40,
  } as const;
  expect(comparisonSentence(inconclusive)).toBe(
    "whether cached differs from plain in time to first token is not settled: ratio 1.10 (0.85 to 1.40), above 1 is better, warm, 9 pairs, within this boot; the interval does not clear the margin; a new run with about 49 pairs, settled on beforehand, may tell",
  );
});

test("of pairs that came in waves it says in how many, and asks for more of those", () => {
  const reason = "a verdict needs at least 6 waves";
  expect(
    comparisonSentence({ ...unmeasured, effect: 0.95, verdict: "inconclusive", reason, waves: 1, morePairs: 5 * unmeasured.pairs }),
  ).toBe(
    "whether cached differs from plain in time to first token is not settled: ratio 0.95, above 1 is better, warm, 9 pairs in 1 wave, within this boot; a verdict needs at least 6 waves; a new run with about 6 waves, settled on beforehand, may tell",
  );
  expect(comparisonSentence({ ...ttft, effect: 2, interval: [1.8, 2.2], verdict: "better", waves: 7 })).toContain(
    ", 9 pairs in 7 waves, within",
  );
});

test("a gain whose cold requests came in few waves has a caveat, each engine of one reason in one sentence", () => {
  const answer = { engine: "plain", coldRequests: 20, warmRequests: 172, gain: 1.35, coldWaves: 2, more: forMore("test_mine") };
  const { coldWaves: _, ...other } = answer;
  expect(gainCaveats([answer, { ...answer, engine: "cached" }, { ...other, engine: "other" }])).toEqual([
    "gain of plain, cached: cold requests came in 2 waves, and part of what they waited for may be one another: say repeats",
  ]);
});

test("inconclusive without any pair has no number", () => {
  expect(
    comparisonSentence({ ...unmeasured, pairs: 0, cache: "all", verdict: "inconclusive", reason: "no request completed on both" }),
  ).toBe(
    "whether cached differs from plain in time to first token is not settled, all requests, 0 pairs, within this boot; no request completed on both",
  );
});

test("throughput that is worse has the same subject and the same ratio as the table", () => {
  expect(comparisonSentence({ ...ttft, metric: "throughput", effect: 0.8, interval: [0.75, 0.85], verdict: "worse" })).toBe(
    "cached generates 0.80 times as many tokens per second within a request as plain (0.75 to 0.85), warm, 9 pairs, within this boot",
  );
});

test("of many uncertain comparisons it is told how many would be better or worse by chance; of few, or narrow ones, nothing", () => {
  const phrase = (comparisons: readonly Comparison[], state: ValidityState = "VALID") =>
    byChancePhrase({ experiments: [{ comparisons, validity: { state, reasons: [] } }] });
  const open: Comparison = { ...ttft, effect: 1.1, interval: [0.9, 1.34], verdict: "inconclusive" };
  const many = [ttft, ...Array.from({ length: 47 }, () => open)];
  expect(phrase(many)).toBe("about 0.7 of 48 comparisons would be better or worse if no engine differed; 1 is: a new run shows which last");
  expect(phrase([{ ...ttft, verdict: "worse" }, ...many])).toContain(
    "about 0.7 of 49 comparisons would be better or worse if no engine differed; 2 are:",
  );
  expect(phrase(many.slice(1))).toBeUndefined();
  expect(phrase(many, "INVALID")).toBeUndefined();
  expect(phrase([ttft, ...many.slice(40)])).toContain("about 0.1 of 9 comparisons");
  expect(phrase([ttft, open, open])).toBeUndefined();
  expect(phrase(many.map((one): Comparison => ({ ...one, interval: [1.08, 1.12] })))).toBeUndefined();
});

test("what failed, was sent twice or is unfinished is told of each engine by its own requests", () => {
  const { experiments } = fixture({
    contexts: [8_192],
    ttft: ({ engine, request }) => (engine === "plain" && request === 3 ? undefined : 1),
  });
  const records = (experiments[0]?.records ?? []).map((one) =>
    one.engine === "cached" ? { ...one, attempts: 2, ...(one.request === 0 ? { outcome: failed("refused", "of cached") } : {}) } : one,
  );
  const plain = engineSummary("plain", records);
  expect(failuresPhrase(plain, records)).toMatch(/^plain: 1 of 10 requests \(.*\); the first: (?!of cached)/);
  expect([sentTwicePhrase("plain", records), sentTwicePhrase("cached", records)]).toEqual([
    undefined,
    expect.stringMatching(/^cached: 10 of 10 requests, /),
  ]);
  expect([1, 0].map((cancelled) => unfinishedPhrase([{ ...plain, cancelled }]))).toEqual([
    expect.stringMatching(/^plain 1 of 10 requests due/),
    undefined,
  ]);
});

test("an invalid run shows the ratio and says that there is no verdict", () => {
  const sentence = withheldSentence(ttft);
  expect(sentence).toBe(
    "time to first token, warm, cached against plain: ratio 2.4 (1.9 to 3.1), above 1 is better; no verdict, because the run is INVALID",
  );
});

test("of no request there is no goodput, and not one of 0 %", () => {
  expect(goodputPhrase({ requests: 0 })).toBe("–");
  expect(goodputPhrase({ goodput: 0, requests: 4 })).toBe("0 % (0 of 4)");
});

test("a gate that could not tell says so and why, one that could or that nobody asked for says nothing, and what is INVALID or was cut off fails anyway", () => {
  const said = (options: FixtureOptions, failOn?: "worse", complete = true) => {
    const { manifest, ...rest } = fixture({ contexts: [8_192], ...options });
    const result = { ...rest, complete, manifest: failOn === undefined ? manifest : { ...manifest, failOn } };
    return ungatedPhrase(result, figuresOf(result));
  };
  expect(said({ requests: 3 }, "worse")).toMatch(
    /^--fail-on worse could not tell: its 4 comparisons are inconclusive, and a slower engine/,
  );
  expect(said({ engines: ["plain"] }, "worse")).toMatch(/could not tell: there is nothing to compare, .*: compare two engines, or gate/);
  expect(said({ requests: 3 })).toBeUndefined();
  expect(said({ requests: 3 }, "worse", false)).toBeUndefined();
  expect(said({ requests: 20 }, "worse")).toBeUndefined();
  expect(said({ requests: 3, ttft: () => undefined }, "worse")).toBeUndefined();
});

describe("where there were too few requests, what is advised can be done:", () => {
  /** Of a run that had one cold request of each engine. */
  const advised = (name: string, neverDue = 0, kind = "documentQa") => {
    const whole = fixture({ contexts: [8_192], requests: 2 });
    const result = {
      ...whole,
      description: { ...whole.description, test: name },
      manifest: { ...whole.manifest, failOn: "worse" as const },
      experiments: whole.experiments.map((experiment) => {
        const workload = { ...experiment.description.workload, kind };
        return { ...experiment, neverDue, description: { ...experiment.description, workload } };
      }),
    };
    const figures = figuresOf(result);
    const answers = figures.experiments.flatMap(({ cacheAnswers }) => cacheAnswers.map((answer) => ({ ...answer, coldWaves: 1 })));
    const undecided = answers.map((answer) => ({ ...answer, costUnknown: "too few" }));
    return [...leftOutPhrases(undecided), ...gainCaveats(answers), ungatedPhrase(result, figures) ?? "INVALID"].join("\n");
  };

  test("of a test in a file, what its author writes", () => {
    const said = advised("test_mine");
    expect(said).toMatch(/6 of each are needed: ask about more documents, or say repeats\n/);
    expect(said).toMatch(/settled, too few: ask about more documents, or say repeats\n/);
    expect(said).toMatch(/may be one another: say repeats\n/);
    expect(said).toMatch(/: ask for more requests or repeats, or gate on a check, such as/);
  });

  test("of a workload that has no number of documents, repeats", () => {
    expect(advised("test_mine", 0, "sessions")).toMatch(/6 of each are needed: say repeats\n/);
  });

  test("of requests that all failed, nothing: more of them would, too", () => {
    const more = forMore("test_mine");
    const answers = [0, 6].map((coldRequests) => ({ engine: "a", coldRequests, warmRequests: 6, costUnknown: "none completed", more }));
    expect(leftOutPhrases(answers)).toEqual(["cost of storing of a, a: whether there is one is not settled, none completed"]);
  });

  test("of servers that are up, flags: no file has the test", () => {
    const said = advised("attach");
    expect(said).toMatch(/6 of each are needed: ask for more --requests, ten for each document\n/);
    expect(said).toMatch(/may be one another: ask for more --requests, or lower --concurrency\n/);
    expect(said).toMatch(/: ask for more --requests, or gate on a check of a test file, such as/);
    expect(said).not.toContain("repeats");
  });

  test.each(["test_mine", "attach"])("of one that was cut off, to run %s again", (name) => {
    const said = advised(name, 1);
    expect(said).toMatch(/6 of each are needed: run it again to its end, and ask about more documents where they stay too few\n/);
    expect(said).toMatch(/settled, too few: run it again to its end, and ask about more documents/);
    expect(said).toMatch(/may be one another: run it again to its end\n/);
    expect(said).not.toMatch(/repeats|--requests/);
  });
});
