import { expect, test } from "vitest";
import type { TestResult } from "../model/result.ts";
import { cacheTokenTable, proofBlocks } from "./proofBlocks.ts";

function resultOf(cores: readonly [string, string], ok?: boolean): TestResult {
  const check = {
    what: "a prompt asked twice",
    wanted: "found in the cache",
    found: "0 of 1088 tokens cached",
    ...(ok === undefined ? {} : { ok }),
  };
  const proof = (engine: string, found: string) => ({ engine, checks: [check], traits: [{ what: "cores", found }] });
  const engines = [
    { name: "plain", kind: "vllm" },
    { name: "cached", kind: "vllm" },
  ];
  const proofs = [proof("plain", cores[0]), proof("cached", cores[1])];
  return { proofs, experiments: [], description: { engines } } as unknown as TestResult; // all that is looked at here
}

test("every check is a line that says whether it was proven", () => {
  const said = [true, false, undefined].map((ok) => {
    const table = proofBlocks(resultOf(["1 core", "1 core"], ok)).find((block) => block.kind === "table");
    return table?.kind === "table" ? table.rows[0] : [];
  });
  expect(said.map((row) => row?.at(-1))).toEqual(["proven", "NOT SO", "not known"]);
  expect(said[0]).toEqual(["plain", "a prompt asked twice", "found in the cache", "0 of 1088 tokens cached", "proven"]);
});

test("sizes that engines tell of themselves are grouped on the page, whoever groups them in its log", () => {
  const said = proofBlocks(resultOf(["32768 tokens", "131,072 tokens"], true)).at(-1);
  expect(said).toEqual({ kind: "list", items: ["cores: plain 32,768 tokens, cached 131,072 tokens"] });
});

test("engines that are unlike are told with both values, like ones in one sentence", () => {
  expect(proofBlocks(resultOf(["1 core", "2 cores"], true)).at(-1)).toEqual({
    kind: "list",
    items: ["cores: plain 1 core, cached 2 cores"],
  });
  expect(proofBlocks(resultOf(["1 core", "1 core"], true)).at(-1)).toMatchObject({ text: expect.stringMatching(/^The engines are alike/) });
});

test("where nothing was proven, nothing is said", () => {
  expect(proofBlocks({ ...resultOf(["1 core", "1 core"]), proofs: [] })).toEqual([]);
});

test("expected tokens stand beside those told and counted; a dash where one is not known", () => {
  const [table] = cacheTokenTable([{ engine: "cached", promptTokens: 24_624, expected: 16_384, observed: 16_384, external: 16_384 }]);
  expect(table?.kind === "table" && table.rows).toEqual([["cached", "24,624", "16,384", "16,384", "–", "16,384"]]);
  const tiered = {
    engine: "disk",
    promptTokens: 4_224,
    expected: 3_072,
    observed: 3_072,
    external: 3_072,
    memoryTier: 0,
    lowerTier: 3_072,
  };
  const [tiers] = cacheTokenTable([tiered]);
  expect(tiers?.kind === "table" && tiers.rows).toEqual([["disk", "4,224", "3,072", "3,072", "–", "3,072", "0", "3,072"]]);
  const shared = { cache: "kv.lmcache-server", engines: ["disk", "other"], lowerTier: 6_144 };
  const [both] = cacheTokenTable([tiered], [shared]);
  expect(both?.kind === "table" && both.rows.at(-1)).toEqual([
    "kv.lmcache-server, of disk and other together",
    "–",
    "–",
    "–",
    "–",
    "–",
    "–",
    "6,144",
  ]);
  expect(cacheTokenTable([{ engine: "plain", promptTokens: 10, expected: 0, observed: 0 }])).toEqual([]);
});
