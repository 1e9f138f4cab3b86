import { expect, test } from "vitest";
import { figuresOf, type TestFigures } from "../measure/testFigures.ts";
import { atMost } from "../measure/verdicts.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import type { Block } from "./document.ts";
import { fixture } from "./fixture.ts";
import { story } from "./story.ts";

function textOf(blocks: readonly Block[]): string {
  return JSON.stringify(blocks);
}

function cutOff(experiment: ExperimentResult): ExperimentResult {
  return { ...experiment, neverDue: 7 };
}

function invalid(figures: TestFigures): TestFigures {
  const reason = { state: "INVALID", what: "plain completed no request", advice: "see its log" } as const;
  const one = { validity: { state: "INVALID", reasons: [reason] } } as const;
  const experiments = figures.experiments.map((experiment) => Object.assign({}, experiment, one));
  return { experiments, ...one };
}

test("a simulated test says so before anything else", () => {
  expect(story(fixture()).blocks[0]).toEqual({ kind: "banner", tone: "warning", text: "SIMULATED: no engine was measured" });
  expect(textOf(story(fixture({ simulated: false })).blocks)).not.toMatch(/simulated/i);
});

test("what has no description is headed by its engines, and one alone is held against nobody", () => {
  const of = (names: readonly string[]) => {
    const { description, ...result } = fixture();
    const { summary: _, ...others } = description;
    const engines = description.engines.filter(({ name }) => names.includes(name));
    return story({ ...result, description: { ...others, engines } }).subtitle;
  };
  expect(of(["plain", "cached"])).toBe("cached against plain");
  expect(of(["plain"])).toBe("plain");
});

test("the foot of a page tells version and time of a run, and of a CSV, which has neither, no more than by whom it was made", () => {
  const result = fixture({ simulated: false });
  const footOf = (startedAt: string) => story({ ...result, manifest: { ...result.manifest, tandem: "0.1.0", startedAt } }).footer;
  expect(footOf("2026-11-24T10:00:00.123Z")).toBe("test_lmcache_local_cpu · Tandem 0.1.0, run of 2026-11-24 10:00:00 UTC");
  expect(footOf("unknown")).toBe("test_lmcache_local_cpu · Tandem");
});

test("each experiment is answered in a sentence on the first page", () => {
  const blocks = story(fixture()).blocks;
  const first = blocks.slice(
    0,
    blocks.findIndex(({ kind }) => kind === "pageBreak"),
  );
  const answers = first.flatMap((block) => (block.kind === "paragraph" && block.label === "better" ? [block.text] : []));
  expect(answers).toHaveLength(3);
  expect(answers[2]).toMatch(
    /^24,576 context tokens, 10 questions: cached is [\d.]+ times as fast to the first token as plain \([\d.]+ to [\d.]+\), warm, 9 pairs, within this boot\.$/,
  );
});

test("every comparison that is inconclusive has its reason below the table, in the words of the console, those of one reason together", () => {
  const result = fixture({ contexts: [8_192] });
  const told = (figures?: TestFigures) =>
    story(result, figures).blocks.flatMap((block) => (block.kind === "paragraph" && block.label === "inconclusive" ? [block.text] : []));
  expect(told()).toEqual([
    "time to first token of cached, cold; throughput of cached, cold: a verdict needs at least 6 pairs; a new run with about 6 pairs, settled on beforehand, may tell.",
    expect.stringMatching(/^throughput of cached, warm: no difference of 5 % was found, .*; a new run with about 59 pairs, .* may tell\.$/),
  ]);
  expect(told(invalid(figuresOf(result)))).toEqual([]);
});

test("an invalid run shows numbers and gives no verdict", () => {
  const result = fixture({ contexts: [8_192] });
  const { blocks } = story(result, invalid(figuresOf(result)));
  const labels = blocks.flatMap((block) => (block.kind === "paragraph" && block.label !== undefined ? [block.label] : []));
  expect(labels).toContain("withheld");
  expect(labels).not.toContain("better");
  expect(textOf(blocks)).toContain("plain completed no request; see its log.");
  expect(textOf(blocks)).not.toContain('"better"]');
  expect(textOf(blocks)).toContain("Checks: withheld");
});

test("a run in virtual time tells nothing of the day and the machine", () => {
  const document = story(fixture({ virtual: true }));
  expect(document.created).toBeUndefined();
  expect(JSON.stringify(document)).not.toMatch(/2026-11-24|Linux 6\.1|0\.1\.0/);
});

test("a real run tells when and where it was made", () => {
  const document = story(fixture({ simulated: false }));
  expect(document.created).toBe("2026-11-24T10:00:00.000Z");
  expect(textOf(document.blocks)).toContain("Linux 6.1");
});

test("there is no figure where there is nothing to draw", () => {
  const figures = (result: TestResult) => story(result).blocks.flatMap((block) => (block.kind === "figure" ? [block.title] : []));
  expect(figures(fixture({ contexts: [64], ttft: () => undefined }))).toEqual([]);
  expect(figures(fixture({ engines: ["only"], contexts: [64], requests: 1 }))).toEqual([
    "Time to first token, request by request",
    "Time to first token, distribution",
    "Throughput, request by request",
  ]);
  expect(figures(fixture({ engines: ["only"], contexts: [64], gpuMemory: true }))).toContain("Engines and GPUs over time");
});

test("a single engine is told of by its own numbers", () => {
  const text = textOf(story(fixture({ engines: ["cached"], contexts: [8_192] })).blocks);
  expect(text).toMatch(/cached takes [\d.]+ s cold and [\d.]+ ms warm to the first token \(median of 1 and 9 requests\)\./);
});

test("the numbers of a cache are in large type where there are enough, and nowhere without a sign of a cache", () => {
  const names = (options: Parameters<typeof fixture>[0]) =>
    story(fixture({ contexts: [8_192], ...options })).blocks.flatMap((block) =>
      block.kind === "numbers" ? block.numbers.map(({ name }) => name) : [],
    );
  expect(names({ repeats: 6 })).toEqual([
    "cached, cold: median time to first token of 6 requests",
    "cached, warm: the same of 54 requests",
    "gain: cold divided by warm",
    "cost of storing: cold, against plain",
  ]);
  expect(names({})).toEqual([]);
  const without = { engines: ["fast", "slow"], contexts: [8_192], repeats: 6 };
  expect(names(without)).toEqual([]);
  expect(textOf(story(fixture(without)).blocks)).not.toMatch(/"Gain"|"left out"/);
});

test("a check that is not met is named with what was observed", () => {
  const text = textOf(story(fixture()).blocks);
  expect(text).toContain("Checks: 1 of 6 not met");
  expect(text).toContain('["a cached prefix halves the wait","at most 0.5","0.61; 0.21; 0.21","NOT MET in 1 of 3"]');
});

test("a check that wants something else in each experiment shows all of it, and values that do not look like their limit", () => {
  const wants = [0.5, 0.5, 0.2].map((limit, experiment) => ({ experiment, check: "half", ...atMost(0.5004, limit) }));
  expect(textOf(story({ ...fixture(), verdicts: wants }).blocks)).toContain(
    '["half","at most 0.5; at most 0.2","0.5004; 0.5004; 0.5","NOT MET in 3 of 3"]',
  );
});

test("a run that was cut off says so", () => {
  const result = fixture({ contexts: [64] });
  const cut = { ...result, complete: false, experiments: result.experiments.map(cutOff) };
  expect(textOf(story(cut).blocks)).toContain("The run was cut off before its end: 7 requests never fell due");
});

test("a run that still goes on says that, and not that it was cut off", () => {
  const result = fixture({ contexts: [64] });
  const going = { ...result, complete: false, stillRunning: true, experiments: result.experiments.map(cutOff) };
  const text = textOf(story(going).blocks);
  expect(text).toContain("The run is still going on: this is of what there was so far, 7 requests not due yet");
  expect(text).not.toContain("was cut off");
});

test("an argument with quotes is shown as it would be typed", () => {
  const code = story(fixture()).blocks.flatMap((block) => (block.kind === "code" ? [block.text] : []));
  expect(code[0]).toContain(`--kv-transfer-config '{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}'`);
});
