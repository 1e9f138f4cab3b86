import { expect, test } from "vitest";
import { findGpu } from "./gpus.ts";
import { kvBlocks } from "./memory.ts";
import { findModel, kvBytesPerToken } from "./models.ts";

test("models are found with or without their organisation, in any case", () => {
  const llama = findModel("meta-llama/Llama-3.1-8B-Instruct");
  expect(findModel("llama-3.1-8b-instruct")).toBe(llama);
  expect(findModel("/models/Llama-3.1-8B-Instruct")).toBe(llama);
});

test("an unknown model or GPU is refused with the ones there are", () => {
  expect(() => findModel("mistralai/Mistral-7B-Instruct-v0.3")).toThrow('did you mean "mistralai/Mistral-7B-Instruct-v0.2"?');
  expect(() => findGpu("h10")).toThrow('the simulated engine has no GPU "h10", did you mean "h100"?');
});

test("a token's keys and values take the bytes that are published for each model", () => {
  expect(kvBytesPerToken(findModel("Llama-3.1-8B-Instruct"), 1)).toBe(131_072);
  expect(kvBytesPerToken(findModel("glm-4-9b-chat"), 1)).toBe(40_960);
});

test("two KV heads on four GPUs are kept twice", () => {
  expect(kvBytesPerToken(findModel("glm-4-9b-chat"), 4)).toBe(20_480);
});

const h100Defaults = { tensorParallel: 1, batchTokens: 8192, batchSequences: 1024 };

test("KV blocks fill what weights, activations and graphs leave of the granted memory", () => {
  // 0.8 * 85.8993 - 16.06 - (8192 * (28672 + 8192) * 2 + 1024 * 128256 * 4) / 1e9 - 1.25 = 50.2802 GB, of 2.097152 MB each
  expect(kvBlocks(findModel("Llama-3.1-8B-Instruct"), findGpu("h100"), { ...h100Defaults, utilization: 0.8 })).toBe(23_975);
});

test("a model that does not fit is refused with what it needs", () => {
  const tooLittle = () => kvBlocks(findModel("glm-4-9b-chat"), findGpu("h100"), { ...h100Defaults, utilization: 0.2 });
  expect(tooLittle).toThrow("THUDM/glm-4-9b-chat does not fit into 20 % of 1 h100");
});
