import { expect, test } from "vitest";

import type { Answer, EngineProof } from "../model/proof.ts";
import type { TestResult } from "../model/result.ts";
import { comparedAnswers, departureText, differingAnswers } from "./answers.ts";

function answer(words: string, cachedTokens = 0): Answer {
  const tokens = words.split(" ").map((word) => ` ${word}`);
  return { text: tokens.join(""), tokens, cachedTokens };
}

function engine(name: string, first: string, again: string, { cached = 0, dtype = "float32" } = {}): EngineProof {
  const answers = [
    { first: answer("so it is"), again: answer("so it is", cached) },
    { first: answer(first), again: answer(again, cached) },
  ];
  return { engine: name, checks: [], traits: [{ what: "dtype", found: dtype, asked: dtype }], answers };
}

function resultOf(...proofs: readonly EngineProof[]): TestResult {
  const engines = proofs.map(({ engine: name }) => ({ name, kind: "vllm", model: "tiny" }));
  return { proofs, description: { engines, baseline: "plain" } } as unknown as TestResult; // all that is looked at here
}

test("answers that are the same cold, warm and on both engines are held against nobody", () => {
  const result = resultOf(engine("plain", "a b c", "a b c"), engine("cached", "a b c", "a b c", { cached: 1_024 }));
  expect(differingAnswers(result)).toEqual([]);
  expect(comparedAnswers(result)).toEqual([
    { engine: "plain", prompts: 2, cachedTokens: 0, departures: [], isJudged: true },
    { engine: "cached", prompts: 2, cachedTokens: 2_048, departures: [], isJudged: true },
    { engine: "cached", baseline: "plain", prompts: 2, cachedTokens: 2_048, departures: [], isJudged: true },
  ]);
});

test("an answer that changes once its prompt comes out of the cache is told with its first other token", () => {
  const [found, ...others] = differingAnswers(
    resultOf(engine("plain", "a b c", "a b c"), engine("cached", "a b c", "a x y", { cached: 1_024 })),
  );
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    engine: "cached",
    share: 0.5,
    what: 'answered 1 of 2 prompts otherwise once its cache had them: prompt 2 from token 2 of 3 on (" x" instead of " b")',
    advice: expect.stringContaining("gives back something else than was stored"),
  });
  const half = engine("cached", "a b c", "a x y", { cached: 1_024, dtype: "bfloat16" });
  expect(differingAnswers(resultOf(half))[0]?.advice).toContain("run the engines in float32");
});

test("so is one that differs from the baseline's", () => {
  const found = differingAnswers(resultOf(engine("plain", "a b c", "a b c"), engine("cached", "a b d", "a b d", { cached: 1_024 })));
  expect(found.map(({ what }) => what)).toEqual([
    'answered 1 of 2 prompts otherwise than plain: prompt 2 from token 3 of 3 on (" d" instead of " c")',
  ]);
  expect(found[0]?.advice).toContain("rounding is hardly why");
});

test("nobody is held against a baseline that says something else each time, or that computes in another way", () => {
  const cached = engine("cached", "a b d", "a b d", { cached: 1_024 });
  const unsteady = differingAnswers(resultOf(engine("plain", "a b c", "a b x"), cached));
  expect(unsteady.map(({ engine: name, what }) => [name, what.slice(0, 71)])).toEqual([
    ["plain", "answered 1 of 2 prompts otherwise when asked again, with nothing out of"],
  ]);
  expect(unsteady[0]?.advice).toContain("nothing can be said of anybody's answers");
  const half = engine("plain", "a b c", "a b c", { dtype: "bfloat16" });
  expect(differingAnswers(resultOf(half, cached))).toEqual([]);
  expect(comparedAnswers(resultOf(half, cached)).at(-1)).toMatchObject({ isJudged: false, departures: [{ prompt: 2, at: 3 }] });
});

test("whoever runs another model may answer otherwise; a third engine's model and arithmetic do not matter to two that are alike", () => {
  const [plain, other] = [engine("plain", "a b c", "a b c"), engine("other", "a b d", "a b d")];
  const third = engine("third", "x y z", "x y z", { dtype: "bfloat16" });
  const found = (models: Readonly<Record<string, string>>) => {
    const result = resultOf(plain, other, third);
    const engines = result.description.engines.map((one) => ({ ...one, model: models[one.name] ?? "tiny" }));
    return differingAnswers({ ...result, description: { ...result.description, engines } }).map((one) => [
      one.engine,
      one.what.split(": ")[1],
    ]);
  };
  const told = [["other", 'prompt 2 from token 3 of 3 on (" d" instead of " c")']];
  expect(found({})).toEqual(told);
  expect(found({ third: "large" })).toEqual(told);
  expect(found({ other: "large" })).toEqual([]);
});

test("what was not asked is held against nobody: an engine without answers, and prompts that the baseline was not asked", () => {
  const { answers: _, ...silent } = engine("silent", "", "");
  const plain = engine("plain", "a b c", "a b c");
  const short = { ...plain, answers: plain.answers?.slice(0, 1) ?? [] };
  const compared = comparedAnswers(resultOf(short, silent, engine("cached", "a b d", "a b d")));
  expect(compared.map(({ prompts, departures }) => [prompts, departures.length])).toEqual([
    [1, 0],
    [2, 0],
    [1, 0],
  ]);
  expect(comparedAnswers(resultOf())).toEqual([]);
});

test("an answer may differ from its first token on, and go on where the other had ended", () => {
  const told = (first: string, again: string) =>
    differingAnswers(resultOf(engine("plain", first, again))).map(({ what }) => what.split(": ")[1]);
  expect(told("a b c", "x b c")).toEqual(['prompt 2 from token 1 of 3 on (" x" instead of " a")']);
  expect(told("a b c", "a b c d")).toEqual(['prompt 2 from token 4 of 4 on (" d" instead of nothing)']);
  expect(told("a b c d", "a b c")).toEqual(['prompt 2 from token 4 of 4 on (nothing instead of " d")']);
});

test("without tokens the first other character is told, and where an answer ends early, that too", () => {
  const proof: EngineProof = { engine: "cached", checks: [], traits: [], answers: [{ first: { text: "abc" }, again: { text: "ab" } }] };
  const [own] = comparedAnswers(resultOf(proof));
  expect(departureText(own?.departures[0])).toBe('prompt 1 from character 3 of 3 on (nothing instead of "c")');
  expect(own?.cachedTokens).toBe(0);
  const [told, untold] = [answer("abx"), { text: "abc" }];
  const half = [
    { first: untold, again: told },
    { first: told, again: untold },
  ];
  const found = comparedAnswers(resultOf({ ...proof, answers: half })).flatMap(({ departures }) => departures);
  expect(found.map(departureText)).toEqual([
    'prompt 1 from character 1 of 4 on (" " instead of "a")',
    'prompt 2 from character 1 of 4 on ("a" instead of " ")',
  ]);
});
