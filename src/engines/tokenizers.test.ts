import { expect, test } from "vitest";

import { llamaCppTokenizer, tgiTokenizer, vllmTokenizer } from "./tokenizers.ts";

test("vLLM's answer is counted as it was recorded, and only where it agrees with itself", () => {
  const recorded = { count: 5, max_model_len: 32_768, tokens: [286, 80, 340, 1_237, 1_380], token_strs: null };
  expect(vllmTokenizer.body("hello", "tiny")).toEqual({ model: "tiny", prompt: "hello", add_special_tokens: false });
  expect(vllmTokenizer.tokensIn(recorded)).toBe(5);
  for (const other of [
    { ...recorded, count: 4 },
    { count: 5 },
    { tokens: [1, 2] },
    { error: { message: "no" } },
    [],
    "five",
    null,
    undefined,
  ])
    expect(vllmTokenizer.tokensIn(other)).toBeUndefined();
});

test("llama.cpp's answer is as many tokens as it lists", () => {
  expect(llamaCppTokenizer.body("hello", "tiny")).toEqual({ content: "hello", add_special: false });
  expect(llamaCppTokenizer.tokensIn({ tokens: [123, 456, 789] })).toBe(3);
  expect(llamaCppTokenizer.tokensIn({ error: { code: 400 } })).toBeUndefined();
});

test("TGI's answer is counted without the special tokens that it always adds", () => {
  const token = (id: number, start: number, stop: number) => ({ id, text: "", start, stop });
  expect(tgiTokenizer.body("hello", "tiny")).toEqual({ inputs: "hello" });
  expect(tgiTokenizer.tokensIn([token(1, 0, 0), token(22_172, 0, 5), token(3_186, 5, 11)])).toBe(2);
  expect(tgiTokenizer.tokensIn({ error: "No fast tokenizer available" })).toBeUndefined();
});
