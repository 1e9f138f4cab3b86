import { expect, test } from "vitest";
import type { CacheReuse, EngineProof, ProofCheck } from "../model/proof.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { record } from "./fixture.ts";
import { cacheTokens, expectedCachedTokens, sharedCacheTokens } from "./cacheTokens.ts";
import { askedTwice, proofReasons, reuseOf } from "./proofs.ts";

const warm = { contextTokens: 8_192, questionTokens: 16, reusableTokens: 8_192, promptTokens: 8_208 };

test("a cache beside the engine finds whole chunks of what the workload shares", () => {
  const chunks = { own: false, external: true, externalPiece: 256 };
  expect(expectedCachedTokens(warm, chunks)).toBe(8_192);
  expect(expectedCachedTokens({ ...warm, contextTokens: 8_000, reusableTokens: 8_000, promptTokens: 8_016 }, chunks)).toBe(7_936); // 31 x 256
  expect(expectedCachedTokens({ ...warm, reusableTokens: 0 }, chunks)).toBe(0);
});

test("seen on real engines: a whole prompt of 2,048 again is 2,047 tokens from LMCache, and 1,920 in blocks of 128", () => {
  const again = { contextTokens: 2_048, questionTokens: 0, reusableTokens: 2_048, promptTokens: 2_048 };
  expect(expectedCachedTokens(again, { own: false, external: true, externalPiece: 256 })).toBe(2_047);
  expect(expectedCachedTokens(again, { own: true, ownPiece: 128, external: false })).toBe(1_920);
  expect(expectedCachedTokens(again, { own: true, ownPiece: 128, external: true, externalPiece: 256 })).toBe(2_047);
  // What both have is found once.
  expect(expectedCachedTokens(warm, { own: true, ownPiece: 16, external: true, externalPiece: 256 })).toBe(8_192);
});

test("nothing is expected where our tokens are not the engine's, or its blocks are not known", () => {
  expect(expectedCachedTokens({ ...warm, promptTokens: 8_226 }, { own: false, external: true, externalPiece: 256 })).toBeUndefined();
  expect(expectedCachedTokens(warm, { own: true, external: false })).toBeUndefined();
});

const keeps = { own: false, external: true, externalPiece: 256 };

/** Its own counter grows by what its replies tell, unless said. */
function resultOf(
  cached: readonly number[],
  checks: EngineProof["checks"] = [],
  growth = cached.reduce((sum, tokens) => sum + tokens, 0),
): TestResult {
  const records = cached.map((cachedTokens, request) => ({
    ...warm,
    reusableTokens: request === 0 ? 0 : 8_192,
    engine: "cached",
    cachedTokens,
    outcome: { kind: "completed" },
  }));
  const readings = [100, 150, 100 + growth].map((value) => ({ at: 0, series: "external-hit-tokens-total", of: "cached", value }));
  const experiments = [{ index: 0, records, readings }];
  const proofs = [{ engine: "cached", checks, traits: [], reuse: keeps }];
  return { proofs, experiments, description: { engines: [{ name: "cached", kind: "vllm" }] } } as unknown as TestResult; // all that is looked at
}

function reasonsOf(result: TestResult) {
  const [experiment] = result.experiments;
  return experiment === undefined ? [] : proofReasons(0, result, [cacheTokens("cached", experiment, reuseOf("cached", result))]);
}

test("expected and observed tokens stand beside what the engine counted itself", () => {
  const [experiment] = resultOf([0, 8_192, 8_192]).experiments;
  expect(experiment && cacheTokens("cached", experiment, keeps)).toEqual({
    engine: "cached",
    promptTokens: 3 * 8_208,
    expected: 2 * 8_192,
    observed: 2 * 8_192,
    toldOfAll: 2 * 8_192,
    possible: 2 * 8_192 + 3 * 64,
    external: 16_384,
    counted: 16_384,
    mayCountAgain: true,
  });
});

test("where nothing can be expected the prompts are those of the replies that tell what was cached, and none of no reply", () => {
  const [experiment] = resultOf([0, 8_192, 8_192]).experiments;
  expect(experiment && cacheTokens("cached", experiment, undefined)).toMatchObject({ promptTokens: 3 * 8_208, observed: 2 * 8_192 });
  expect(experiment && cacheTokens("absent", experiment, undefined)).toEqual({ engine: "absent" });
});

test("a counter that was read only once has not grown by nothing: nobody knows", () => {
  const [experiment] = resultOf([0, 8_192, 8_192]).experiments;
  const once = experiment && { ...experiment, readings: experiment.readings.slice(0, 1) };
  const tokens = once && cacheTokens("cached", once, { ...keeps, onlyTier: "memory" });
  expect(tokens).toMatchObject({ observed: 2 * 8_192 });
  expect(Object.keys(tokens ?? {})).not.toEqual(expect.arrayContaining(["external"]));
  expect([tokens?.counted, tokens?.memoryTier]).toEqual([undefined, undefined]);
});

test("what cannot be known of all requests is missing: counters over several blocks, or that went back, and replies that did not come", () => {
  const [experiment] = resultOf([0, 8_192, 8_192]).experiments;
  const found = (change: (experiment: ExperimentResult) => Partial<ExperimentResult>) =>
    experiment && cacheTokens("cached", { ...experiment, ...change(experiment) }, keeps);
  const changed = (place: number, of: Partial<RequestRecord>) =>
    found(({ records }) => ({ records: records.map((one, at) => (at === place ? { ...one, ...of } : one)) }));
  expect(changed(2, { block: 1 })?.counted).toBeUndefined();
  expect(changed(2, { outcome: { kind: "cancelled" } })?.toldOfAll).toBeUndefined();
  const back = found(({ readings }) => ({ readings: readings.map((one, at) => ({ ...one, value: at === 2 ? 50 : one.value })) }));
  expect(back).not.toHaveProperty("external");
  const withImpossible = ({ cachedTokens: _told, ...one }: RequestRecord) => ({ ...one, impossibleCachedTokens: 1e9 });
  const impossible = found(({ records }) => ({ records: records.map((one, at) => (at === 2 ? withImpossible(one) : one)) }));
  expect(impossible).toMatchObject({ expected: 8_192, observed: 8_192, promptTokens: 2 * 8_208 });
});

test("an engine had waiting requests where its own number of them was ever above none", () => {
  const [experiment] = resultOf([0, 8_192, 8_192]).experiments;
  const waiting = (of: string, value: number) =>
    experiment && cacheTokens("cached", { ...experiment, readings: [{ at: 0, series: "waiting-requests", of, value }] }, keeps).hadWaiting;
  expect([waiting("cached", 1), waiting("cached", 0), waiting("plain", 1)]).toEqual([true, undefined, undefined]);
});

test("hits of a cache with a single place are that tier's, of one with several only where they are counted by tier", () => {
  const [experiment] = resultOf([0, 8_192, 8_192]).experiments;
  const told = (onlyTier?: "memory" | "lower", counted: readonly Reading[] = []) => {
    if (experiment === undefined) return [];
    const reuse = { ...keeps, ...(onlyTier === undefined ? {} : { onlyTier }) };
    const { memoryTier, lowerTier } = cacheTokens("cached", { ...experiment, readings: [...experiment.readings, ...counted] }, reuse);
    return [memoryTier, lowerTier];
  };
  expect(told("memory")).toEqual([16_384, undefined]);
  expect(told("lower")).toEqual([undefined, 16_384]);
  expect(told()).toEqual([undefined, undefined]);
  const counted = [0, 4_096].map((value) => ({ at: 0, series: "external-memory-hit-tokens-total", of: "cached", value }));
  expect(told("memory", counted)).toEqual([4_096, undefined]);
});

test("what a cache counts that two engines share is told of both together, and of neither alone", () => {
  const of = (name: string) => [100, 4_196].map((value) => ({ at: 0, series: "external-lower-hit-tokens-total", of: name, value }));
  const readings = [...of("kv.lmcache-server"), ...of("mine")];
  const service = { name: "kv.lmcache-server", engines: ["one", "other"] };
  expect(sharedCacheTokens({ readings }, [service, { name: "mine", engines: ["one"] }])).toEqual([
    { cache: "kv.lmcache-server", engines: ["one", "other"], lowerTier: 4_096 },
  ]);
});

test("to the token is well; beyond 2 % of the prompt tokens degrades the run, with what to make of it", () => {
  expect(reasonsOf(resultOf([0, 8_192, 8_192]))).toEqual([]);
  expect(reasonsOf(resultOf([0, 8_192, 7_936]))).toEqual([]); // one chunk of 256 in 24,624
  expect(reasonsOf(resultOf([0, 8_192, 0]))).toMatchObject([
    { state: "DEGRADED", what: "found 8,192 prompt tokens in its caches where the workload makes 16,384 possible", engine: "cached" },
  ]);
  expect(reasonsOf(resultOf([8_192, 8_192, 8_192]))[0]?.advice).toMatch(/cacheState cold/);
});

test("where warm requests came before what they were to find again, it is said that they did, and nothing of how large caches are", () => {
  const advice = (apart: number) => {
    const { experiments, ...rest } = resultOf([0, 0, 0]);
    const sent = experiments.map(({ records, ...others }) => ({
      ...others,
      records: records.map((asked, at) => record([[at * apart + 1]], { ...asked, due: at * apart, cache: at === 0 ? "cold" : "warm" })),
    }));
    return reasonsOf({ ...rest, experiments: sent })[0]?.advice;
  };
  const then = "; read warm figures as those of partly warm requests";
  expect(advice(0.1)).toBe(`2 of 2 warm requests were sent while most cold ones before them had no reply yet${then}`);
  expect(advice(2)).toBe(`its caches were too small, or too slow to store${then}`);
});

test("where its log says that its cache was full, nobody has to guess why it did not find what it had", () => {
  const { proofs = [], ...rest } = resultOf([0, 8_192, 0]);
  const full = (experiment: number): EngineProof => ({
    engine: "cached",
    experiment,
    checks: [],
    traits: [],
    wasFull: "no memory is available",
  });
  const advice = (proof: EngineProof) => reasonsOf({ ...rest, proofs: [...proofs, proof] })[0]?.advice;
  expect(advice(full(0))).toMatch(/^its cache was full, as its log says, and gave up what it had kept: give it more memory; /);
  expect(advice(full(1))).toMatch(/^its caches were too small, or too slow to store; /);
});

test("of an engine that leaves out a 0, as vLLM did for long, a prompt that it did not find again is missed all the same", () => {
  const leavingOut = (cached: readonly number[]): TestResult => {
    const { experiments, ...rest } = resultOf(cached);
    const without = experiments.map(({ records, ...others }) => ({
      ...others,
      readings: [],
      records: records.map(({ cachedTokens, ...record }) => (cachedTokens === 0 ? record : { ...record, cachedTokens: cachedTokens ?? 0 })),
    }));
    return { ...rest, experiments: without };
  };
  expect(reasonsOf(leavingOut([0, 8_192, 8_192]))).toEqual([]);
  expect(reasonsOf(leavingOut([0, 8_192, 0]))).toMatchObject([
    { state: "DEGRADED", what: "found 8,192 prompt tokens in its caches where the workload makes 16,384 possible", engine: "cached" },
  ]);
});

test("of prompts that are not known to the token, too, those of which nothing was told count as not found", () => {
  const [experiment] = resultOf([0, 8_192, 0]).experiments;
  const records = (experiment?.records ?? []).map(({ cachedTokens, ...one }) =>
    cachedTokens === 0 ? one : { ...one, cachedTokens: 8_192 },
  );
  const tokens = experiment && cacheTokens("cached", { ...experiment, records }, undefined);
  expect(tokens).toMatchObject({ promptTokens: 3 * 8_208, observed: 8_192 });
});

test("replies and counters that tell something else are told, whichever is right", () => {
  const what = "its replies tell 16,384 prompt tokens out of its caches, its counters grew by 8,192";
  expect(reasonsOf(resultOf([0, 8_192, 8_192], [], 8_192))).toMatchObject([{ state: "DEGRADED", what, engine: "cached" }]);
  expect(reasonsOf(resultOf([0, 8_192, 8_192], [], 16_000))).toEqual([]);
});

test("counters that count a waiting request again each time it is looked at are not held against replies that tell less", () => {
  const { experiments, ...rest } = resultOf([0, 8_192, 8_192], [], 24_576);
  const counted = (series: string, values: readonly number[]) => values.map((value) => ({ at: 0, series, of: "cached", value }));
  const reasons = (more: readonly Reading[]) =>
    reasonsOf({ ...rest, experiments: experiments.map((one) => ({ ...one, readings: [...one.readings, ...more] })) });
  expect(reasons([])).toEqual([]);
  expect(reasons(counted("computed-prompt-tokens-total", [0, 8_240]))).toMatchObject([
    { what: "its replies tell 16,384 prompt tokens out of its caches, its counters grew by 24,576" },
  ]);
});

test("where replies tell nothing, more than the workload makes possible is held against such a counter unless requests waited", () => {
  const tokens = { engine: "e", promptTokens: 24_624, expected: 8_192, counted: 16_384, mayCountAgain: true } as const;
  const count = (more: object) => proofReasons(0, withoutProofs, [{ ...tokens, ...more }]).length;
  expect([count({}), count({ hadWaiting: true }), count({ hadWaiting: true, counted: 4_096 })]).toEqual([1, 0, 1]);
  expect(count({ hadWaiting: true, expected: 0 })).toBe(1); // of nothing to find nothing is counted again
});

/** All that is looked at of a result. */
const withoutProofs = { proofs: [], description: { engines: [] } } as unknown as TestResult;

test("of few prompt tokens that can be found again a quarter may be missing, not all", () => {
  const tokens = { engine: "e", promptTokens: 88_000, expected: 1_536 };
  const told = (observed: number) => proofReasons(0, withoutProofs, [{ ...tokens, observed }]).map(({ what }) => what);
  expect(told(0)).toEqual(["found 0 prompt tokens in its caches where the workload makes 1,536 possible"]);
  expect(told(1_280)).toEqual([]);
});

test("an engine that was shown to keep nothing, and finds prompts all the same, is not what was asked for", () => {
  const tokens = { engine: "e", promptTokens: 24_624, expected: 0, observed: 16_384 };
  const states = (more: object) => proofReasons(0, withoutProofs, [{ ...tokens, ...more }]).map(({ state }) => state);
  expect([states({}), states({ keepsNothing: true })]).toEqual([["DEGRADED"], ["INVALID"]]);
});

test("that an engine kept nothing when it was asked beforehand is said only where it was seen", () => {
  const tokens = { engine: "e", promptTokens: 24_624, expected: 0, observed: 16_384, keepsNothing: true } as const;
  const check = { what: askedTwice, wanted: "computed anew, no cached tokens", found: "1072 of 1088 tokens cached" };
  const advice = (checks: readonly ProofCheck[]) =>
    proofReasons(0, { ...withoutProofs, proofs: [{ engine: "e", checks, traits: [] }] }, [tokens])
      .map((reason) => reason.advice)
      .at(-1);
  const shown = "it keeps prompts although it was not to, and did not when it was asked beforehand: read its log";
  expect(advice([{ ...check, ok: true }])).toBe(shown);
  expect(advice([{ ...check, ok: false }])).not.toContain("did not");
  expect(advice([])).not.toContain("did not");
});

test("of prompts that nobody knows to the token, more cannot be found than they have in common", () => {
  const told = (counted: number, more: object = {}) =>
    proofReasons(0, withoutProofs, [{ engine: "e", counted, possible: 73_728, ...more }]);
  expect(told(81_920)).toMatchObject([
    { state: "DEGRADED", what: "counted 81,920 prompt tokens found in its caches where the workload makes at most 73,728 possible" },
  ]);
  expect([told(74_000), told(81_920, { observed: 81_920, toldOfAll: 81_920 })]).toEqual([[], []]);
});

test("a template that is longer than most is found by every request, and that is possible", () => {
  const possible = (promptTokens: number) => {
    const records = [0, 1].map(() => ({ ...warm, reusableTokens: 0, promptTokens, engine: "e", outcome: { kind: "completed" } }));
    return cacheTokens("e", { records, readings: [] } as unknown as ExperimentResult, undefined).possible; // all that is looked at
  };
  expect([possible(8_208), possible(8_208 + 96)]).toEqual([2 * 64, 2 * 96]);
});

test("replies that tell nothing of caches had nothing where a reply told of a hit beforehand", () => {
  const untold = resultOf([0, 0, 0]).experiments.map((experiment) => ({
    ...experiment,
    readings: [],
    records: experiment.records.map(({ cachedTokens: _told, ...record }) => record),
  }));
  const reasons = (reuse: CacheReuse) =>
    reasonsOf({ ...resultOf([]), experiments: untold, proofs: [{ engine: "cached", checks: [], traits: [], reuse }] });
  expect(reasons(keeps)).toEqual([]);
  expect(reasons({ ...keeps, toldHits: true })).toMatchObject([
    { state: "DEGRADED", what: "found 0 prompt tokens in its caches where the workload makes 16,384 possible" },
  ]);
});

test("where replies tell nothing of caches, the engine's own counters are held against what was expected", () => {
  const silent = (growth: number): TestResult => {
    const { experiments, ...rest } = resultOf([0, 8_192, 8_192]);
    const readings = [100, 100 + growth].map((value) => ({ at: 0, series: "external-hit-tokens-total", of: "cached", value }));
    const untold = experiments.map(({ records, ...others }) => ({
      ...others,
      readings,
      records: records.map(({ cachedTokens: _told, ...record }) => record),
    }));
    return { ...rest, experiments: untold };
  };
  expect(reasonsOf(silent(16_384))).toEqual([]);
  expect(reasonsOf(silent(8_192))).toMatchObject([
    { state: "DEGRADED", what: "found 8,192 prompt tokens in its caches where the workload makes 16,384 possible" },
  ]);
});

test("a check that failed is INVALID, one that nobody could make is not", () => {
  const check = { what: "a prompt asked twice", wanted: "found in the cache, 1024 tokens", found: "0 of 1088 tokens cached" };
  expect(reasonsOf(resultOf([0, 8_192, 8_192], [{ ...check, ok: false }]))).toMatchObject([
    {
      state: "INVALID",
      what: "is not what was asked for: a prompt asked twice: wanted found in the cache, 1024 tokens, found 0 of 1088 tokens cached",
    },
  ]);
  expect(reasonsOf(resultOf([0, 8_192, 8_192], [check]))).toEqual([]);
});

test("what was found just before another experiment says nothing of this one", () => {
  const result = resultOf([0, 8_192, 8_192]);
  const later = {
    engine: "cached",
    checks: [{ what: "caches emptied", wanted: "none", found: "8192", ok: false }],
    traits: [],
    experiment: 1,
  };
  expect(reasonsOf({ ...result, proofs: [...(result.proofs ?? []), later] })).toEqual([]);
  expect(reasonsOf({ ...result, proofs: [...(result.proofs ?? []), { ...later, experiment: 0 }] })).toHaveLength(1);
});
