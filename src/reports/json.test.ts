import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseLegacyCsv } from "../journal/legacyCsv.ts";
import { replayedReadings } from "../measure/replayedLoad.ts";
import { rulerReadings } from "../measure/rulerError.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { EngineProof, ProofCheck } from "../model/proof.ts";
import type { Reading } from "../model/record.ts";
import type { TestResult } from "../model/result.ts";
import { csvText } from "./csv.ts";
import { fixture } from "./fixture.ts";
import { json } from "./json.ts";

async function written(result: TestResult): Promise<Record<string, unknown>> {
  return JSON.parse(new TextDecoder().decode(await json.write(result))) as Record<string, unknown>; // an object is what it writes
}

const repeated: ProofCheck = {
  what: "a prompt asked twice",
  wanted: "found in the cache, 1024 tokens",
  found: "0 of 1088 tokens cached",
  seen: "requests",
};

function proofOf(engine: string, checks: EngineProof["checks"], cores: string, pool: string): EngineProof {
  return {
    engine,
    checks,
    traits: [
      { what: "cores", found: cores, seen: "log" },
      { what: "dtype", found: pool, seen: "log", asked: pool },
    ],
  };
}

const proven: TestResult = {
  ...fixture({ gpuMemory: true, ttft: ({ request }) => (request === 9 ? undefined : 1) }),
  proofs: [
    proofOf("cached", [{ ...repeated, ok: false }], "2 cores", "bfloat16"),
    proofOf("plain", [{ what: "prefix caching", wanted: "off", found: "not told", seen: "log" }], "1 core", "float32"),
    { engine: "cached", experiment: 1, checks: [{ ...repeated, what: "caches emptied beforehand", ok: true }], traits: [] },
  ],
};

test("every claim of a proof is a row: of whom, what was asked, what was found and how it was seen, and the verdict", async () => {
  const { proof } = await written(proven);
  expect(proof).toMatchObject({
    checks: [
      {
        engine: "cached",
        claim: "a prompt asked twice",
        asked: "found in the cache, 1024 tokens",
        found: "0 of 1088 tokens cached",
        seen: "requests",
        verdict: "not so",
      },
      { engine: "plain", claim: "prefix caching", asked: "off", found: "not told", seen: "log", verdict: "not known" },
      { engine: "cached", before_experiment: 1, claim: "caches emptied beforehand", verdict: "proven" },
    ],
  });
});

test("traits are rows too, and where the engines are unlike it says with what, and whether that was asked for", async () => {
  const { proof } = await written(proven);
  expect(proof).toMatchObject({
    traits: [
      { engine: "cached", trait: "cores", found: "2 cores", seen: "log" },
      { engine: "cached", trait: "dtype", asked: "bfloat16", found: "bfloat16", seen: "log" },
      { engine: "plain", trait: "cores", found: "1 core", seen: "log" },
      { engine: "plain", trait: "dtype", asked: "float32", found: "float32", seen: "log" },
    ],
    unlike: [
      {
        trait: "cores",
        found: [
          { engine: "cached", value: "2 cores" },
          { engine: "plain", value: "1 core" },
        ],
        asked_for: false,
      },
      { trait: "dtype", asked_for: true },
    ],
  });
});

test("engines that are alike are unlike in nothing, and of engines that nobody could ask there is no proof", async () => {
  const alike = ["cached", "plain"].map((engine) => proofOf(engine, [], "1 core", "float32"));
  expect(await written({ ...proven, proofs: alike })).toMatchObject({ proof: { checks: [], unlike: [] } });
  expect(await written(fixture())).not.toHaveProperty("proof");
});

test("prompt tokens from a cache are told beside what the workload makes possible", async () => {
  const { experiments } = await written(fixture({ contexts: [8_192], requests: 3 }));
  expect(experiments).toMatchObject([
    {
      cached_tokens: [
        { engine: "cached", told_tokens: 16_384 },
        { engine: "plain", told_tokens: 0 },
      ],
    },
  ]);
});

/** Whatever is below them has names of the author's own. */
const free = new Set(["added", "options", "failures_by_code", "limits", "gpu_memory_peak_mib"]);

function keysOf(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(keysOf);
  return Object.entries(value).flatMap(([key, below]) => [key, ...(free.has(key) ? [] : keysOf(below))]);
}

test("goodput and its objectives are there where there are any", async () => {
  const { experiments } = await written(fixture({ contexts: [8_192], slo: { ttft: 1_000, e2e: 2_000 } }));
  expect(experiments).toMatchObject([{ slo: { ttft_seconds: 1_000, e2e_seconds: 2_000 }, engines: [{ all: { goodput_share: 1 } }, {}] }]);
  expect(JSON.stringify(await written(fixture({ contexts: [8_192] })))).not.toMatch(/goodput|"slo"/);
});

test("an experiment tells what was in the caches before it, and every deadline that it had, in seconds", async () => {
  const { experiments, ...others } = fixture({ contexts: [8_192] });
  const [one] = experiments;
  const asked = { ...one!.description, cacheState: "cold", deadlines: { ...defaultDeadlines, send: 2 } } as const;
  const usual = await written({ ...others, experiments: [one!] });
  expect(usual["experiments"]).toMatchObject([{ cache_state: "asItIs", deadlines: { first_token_seconds: 120, idle_seconds: 60 } }]);
  expect(JSON.stringify(usual)).not.toContain("send_seconds");
  const told = await written({ ...others, experiments: [{ ...one!, description: asked }] });
  expect(told["experiments"]).toMatchObject([{ cache_state: "cold", deadlines: { connect_seconds: 5, send_seconds: 2 } }]);
});

test("of a CSV, what its file does not tell is absent, and not what is usual", async () => {
  const told = await written(parseLegacyCsv(csvText(fixture({ contexts: [8_192] })), "outputs/test_mine.csv"));
  expect(told["experiments"]).toMatchObject([{ repeats: 1, workload: { kind: "unknown", requests: 10 }, arrivals: { kind: "unknown" } }]);
  expect(keysOf(told).filter((key) => /^(seed|order|hash|deadlines|cache_state|api|started_at)$/.test(key))).toEqual([]);
  expect(keysOf(await written(fixture({ contexts: [8_192] })))).toEqual(
    expect.arrayContaining(["seed", "order", "hash", "deadlines", "api"]),
  );
});

test("docs/json.md has every name there is", async () => {
  const text = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");
  const all = await Promise.all([proven, fixture({ slo: { ttft: 1, tpot: 1, e2e: 1 } })].map(written));
  const names = [...new Set(keysOf(all))];
  expect(names.length).toBeGreaterThan(80);
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test("what engines and GPUs told is there as means and maxima, with the unit in each name; else it is absent", async () => {
  const plain = fixture({ contexts: [8_192], gpuMemory: true });
  const [experiment] = plain.experiments;
  const readings = [1, 2, 3].flatMap((second) => [
    { at: second * 1e9, series: "running-requests", of: "cached", value: second },
    { at: second * 1e9, series: "gpu-throttle-reasons", of: "gpu-0", value: second === 1 ? 0x4 : 0 },
  ]);
  const told = { ...plain, experiments: [{ ...experiment!, readings: [...experiment!.readings, ...readings] }] };
  const { experiments } = await written(told);
  expect(experiments).toMatchObject([
    {
      telemetry: {
        engines: [
          { engine: "cached", requests_in_flight: { max: 1 }, running_requests: { readings: 3, mean: 2, max: 3 } },
          { engine: "plain", requests_in_flight: { max: 1 } },
        ],
        gpus: [
          {
            gpu: "gpu-0",
            engines: ["cached"],
            memory_mib: { max: expect.any(Number) },
            throttled_by_share: { "software power cap": 1 / 3 },
          },
          { gpu: "gpu-1", engines: ["plain"], memory_mib: { max: expect.any(Number) } },
        ],
      },
    },
  ]);
  const nothing = (await written(fixture({ contexts: [8_192] })))["experiments"];
  expect(JSON.stringify(nothing)).not.toContain("telemetry");
});

test("what was replayed is told beside its errors, with what was observed; a journal without it tells the errors alone", async () => {
  const errors = rulerReadings("replay after", { stamp: { count: 700, p50: 0.00001, p99: 0.0004, max: 0.001 } });
  const loads = replayedReadings({ replayed: { streams: 8, tokensPerSecond: 560 }, observed: { streams: 1, tokensPerSecond: 46 } });
  const told = async (readings: readonly Omit<Reading, "at">[]) => {
    const experiments = proven.experiments.map((experiment) => ({
      ...experiment,
      readings: readings.map((reading) => ({ at: 0, ...reading })),
    }));
    const [first] = (await written({ ...proven, experiments }))["experiments"] as { harness_error: unknown }[]; // as json.ts writes them
    return first?.harness_error;
  };
  const stamp_seconds = { count: 700, p50: 0.00001, p99: 0.0004, max: 0.001 };
  expect(await told(errors)).toEqual({ replay_after: { stamp_seconds } });
  expect(await told([...errors, ...loads])).toEqual({
    replay_after: { replayed: { streams: 8, tokens_per_second: 560 }, observed: { streams: 1, tokens_per_second: 46 }, stamp_seconds },
  });
});

test("of an experiment that is INVALID no verdict is told to programs either: comparisons and checks are withheld, their figures are not", async () => {
  const failing = fixture({ contexts: [8_192], ttft: ({ engine, request }) => (engine === "cached" && request > 7 ? undefined : 1) });
  const verdicts = [{ experiment: 0, check: "fast", ok: true, observed: 1, wanted: "at most 2" }];
  expect(await written({ ...fixture({ contexts: [8_192] }), verdicts })).toMatchObject({ verdicts });
  const found = await written({ ...failing, verdicts });
  expect(found["experiments"]).toMatchObject([{ validity: { state: "INVALID" } }]);
  const [{ comparisons } = { comparisons: [] }] = found["experiments"] as { comparisons: Record<string, unknown>[] }[]; // as json.ts writes them
  expect(new Set(comparisons.map(({ verdict }) => verdict))).toEqual(new Set(["withheld"]));
  expect(comparisons.every((one) => !("reason" in one || "more_pairs" in one) && typeof one["pairs"] === "number")).toBe(true);
  expect(found["verdicts"]).toEqual([{ experiment: 0, check: "fast", withheld: true, observed: 1, wanted: "at most 2" }]);
});

test("what the run was to fail on is there, and why that could not tell", async () => {
  const { manifest, ...rest } = fixture({ contexts: [8_192], requests: 3 });
  expect(await written({ ...rest, manifest: { ...manifest, failOn: "worse" } })).toMatchObject({
    fail_on: "worse",
    not_gated: expect.stringContaining("its 4 comparisons are inconclusive"),
  });
  expect(await written({ ...rest, manifest })).not.toHaveProperty("not_gated");
});

test("engines of one description are named", async () => {
  const { description, ...rest } = fixture({ contexts: [8_192] });
  expect(await written({ ...rest, description: { ...description, alike: [["plain", "cached"]] } })).toMatchObject({
    alike: [["plain", "cached"]],
  });
  expect(await written({ ...rest, description })).not.toHaveProperty("alike");
});
