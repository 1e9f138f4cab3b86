import { expect, test } from "vitest";

import type { CacheReuse, EngineProof, Trait } from "../model/proof.ts";
import type { TestResult } from "../model/result.ts";
import type { CacheTokens } from "./cacheTokens.ts";
import { experimentOf, resultOf } from "./fixture.ts";
import { differences, proofReasons, reuseOf } from "./proofs.ts";

const proof = (engine: string, ...traits: readonly Trait[]): EngineProof => ({ engine, checks: [], traits });

/** Of engines "a", "b", …, each with its trait. */
function resultWith(traits: readonly Trait[], kinds: Readonly<Record<string, string>> = {}): TestResult {
  const names = traits.map((_, place) => "abc"[place] ?? "");
  const { description, ...result } = resultOf(experimentOf([]), names);
  const engines = description.engines.map((one) => ({ ...one, kind: kinds[one.name] ?? "vllm" }));
  return { ...result, description: { ...description, engines }, proofs: traits.map((trait, place) => proof(names[place] ?? "", trait)) };
}

const alike = (what: string, ...found: readonly string[]) =>
  differences(resultWith(found.map((one) => ({ what, found: one })))).length === 0;
const statesOf = (what: string, ...found: readonly string[]) =>
  proofReasons(0, resultWith(found.map((one) => ({ what, found: one }))), []).map(({ state }) => state);

test("what an engine keeps may be 2 % more than another's, and not more; a size is not held against what is none", () => {
  expect(alike("KV pool", "100,000 tokens", "102,000 tokens", "101,000 tokens")).toBe(true);
  expect(alike("KV pool", "100,000 tokens", "102,001 tokens")).toBe(false);
  expect(alike("KV pool", "100,000 tokens", "auto")).toBe(false);
  expect(alike("attention", "FLASH_ATTN", "FLASH_ATTN")).toBe(true);
});

test("engines on other cores or in another arithmetic are as other machines, whatever else differs only degrades, and of unlike kinds nothing else is compared", () => {
  expect(statesOf("dtype", "float32", "bfloat16")).toEqual(["INVALID"]);
  expect(statesOf("cores", "0-3", "0-7")).toEqual(["INVALID"]);
  expect(statesOf("KV block", "16 tokens", "128 tokens")).toEqual(["DEGRADED"]);
  const traits = (what: string): readonly Trait[] => ["16 tokens", "128 tokens"].map((found) => ({ what, found }));
  expect(differences(resultWith(traits("KV block"), { b: "sglang" }))).toEqual([]);
  expect(differences(resultWith(traits("context limit"), { b: "sglang" }))).toMatchObject([
    {
      what: "context limit",
      found: [
        { engine: "a", value: "16 tokens" },
        { engine: "b", value: "128 tokens" },
      ],
    },
  ]);
});

test("a difference was asked for where who was asked for the same is the same; cores that were left to an engine never were", () => {
  const wasAsked = (what: string, ...pairs: readonly (readonly [found: string, asked?: string])[]) =>
    differences(resultWith(pairs.map(([found, asked]) => ({ what, found, ...(asked === undefined ? {} : { asked }) })))).map(
      (one) => one.wasAsked,
    );
  expect(wasAsked("dtype", ["float32", "float32"], ["bfloat16", "auto"])).toEqual([true]);
  const asked = ["float32", "bfloat16"].map((found) => ({ what: "dtype", found, asked: found }));
  expect(proofReasons(0, resultWith(asked), [])).toEqual([]);
  expect(wasAsked("dtype", ["float32", "float32"], ["bfloat16", "auto"], ["float16", "auto"])).toEqual([false]);
  expect(wasAsked("dtype", ["float32", "float32"], ["bfloat16"])).toEqual([true]);
  expect(wasAsked("cores", ["0-3", "0-3"], ["0-7"])).toEqual([false]);
  expect(wasAsked("cores", ["0-3", "0-3"], ["0-7", "0-7"])).toEqual([true]);
});

test("what is found may be off by 2 % of the prompt tokens, and by no more than a quarter of what can be found", () => {
  const states = (expected: number, observed: number, more: Partial<CacheTokens> = {}) =>
    proofReasons(0, resultWith([]), [{ engine: "a", promptTokens: 10_000, expected, observed, ...more }]).map(({ state }) => state);
  expect([4_800, 5_200, 4_799, 5_201].map((observed) => states(5_000, observed).length)).toEqual([0, 0, 1, 1]);
  expect([75, 74].map((observed) => states(100, observed).length)).toEqual([0, 1]);
  expect([200, 201].map((observed) => states(0, observed).length)).toEqual([0, 1]);
  expect([states(0, 201, { keepsNothing: true }), states(5_000, 201, { keepsNothing: true })]).toEqual([["INVALID"], ["DEGRADED"]]);
});

test("a counter that may count again is not held to less than it tells while requests waited; nothing found is never counted again", () => {
  const counts = (tokens: Partial<CacheTokens>) =>
    proofReasons(0, resultWith([]), [{ engine: "a", promptTokens: 10_000, expected: 5_000, ...tokens }]).length;
  const again = { mayCountAgain: true, hadWaiting: true } as const;
  expect([counts({ counted: 6_000, ...again }), counts({ counted: 4_000, ...again })]).toEqual([0, 1]);
  expect([counts({ counted: 6_000, mayCountAgain: true }), counts({ counted: 6_000, hadWaiting: true })]).toEqual([1, 1]);
  expect([counts({ observed: 6_000, ...again }), counts({ expected: 0, counted: 300, ...again })]).toEqual([1, 1]);
});

test("counters of two caches may count what both have twice; those of one are held against the replies", () => {
  const counts = (tokens: Partial<CacheTokens>) =>
    proofReasons(0, resultWith([]), [{ engine: "a", promptTokens: 10_000, toldOfAll: 1_000, counted: 2_000, ...tokens }]).length;
  expect(counts({ own: 1_000, external: 1_000 })).toBe(0);
  expect([counts({ own: 2_000, external: 0 }), counts({ own: 0, external: 2_000 }), counts({ own: 2_000 })]).toEqual([1, 1, 1]);
});

test("what is not as it was asked for is INVALID, what is so in part DEGRADED, and what nobody could see nothing", () => {
  const check = { what: "KV connector", wanted: "LMCache", found: "none" };
  const statesWith = (seen: { ok?: boolean; partly?: boolean }, experiment?: number) => {
    const proofs = [{ ...proof("a"), checks: [{ ...check, ...seen }], ...(experiment === undefined ? {} : { experiment }) }];
    return proofReasons(0, { ...resultWith([]), proofs }, []).map(({ state, engine }) => `${engine} ${state}`);
  };
  expect([{ ok: false }, { ok: true, partly: true }, { ok: true }, {}].map((seen) => statesWith(seen))).toEqual([
    ["a INVALID"],
    ["a DEGRADED"],
    [],
    [],
  ]);
  expect([statesWith({ ok: false }, 0), statesWith({ ok: false }, 1)]).toEqual([["a INVALID"], []]);
});

test("the last word on what an engine keeps is its own last proof that tells it", () => {
  const reuse = (own: boolean): CacheReuse => ({ own, external: false });
  const proofs = [
    { ...proof("a"), reuse: reuse(false) },
    { ...proof("a"), reuse: reuse(true) },
    proof("a"),
    { ...proof("b"), reuse: reuse(false) },
  ];
  expect(reuseOf("a", { ...resultWith([]), proofs })).toEqual(reuse(true));
});
