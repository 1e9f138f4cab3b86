import { expect, test } from "vitest";
import { CpuTier } from "./cpuTier.ts";
import { findGpu } from "./gpus.ts";
import { findModel } from "./models.ts";
import type { Batch, HostCosts } from "./stepTime.ts";
import { stepTime, vllmV1 } from "./stepTime.ts";

// vLLM 0.6 spent more on each step; prompts went through in one piece.
const vllm06: HostCosts = { ...vllmV1, perStep: 2.2e-3 };

function times(gpu: string, model: string, host: HostCosts): (batch: Batch) => number {
  return stepTime(findModel(model), findGpu(gpu), 1, host);
}

function prompt(tokens: number, context = 0): Batch {
  return { tokens, sequences: 1, emitting: 1, chunks: [{ context, tokens }], decoding: 0, decodingContext: 0 };
}

function coldTtft(gpu: string, model: string, tokens: number, host: HostCosts): number {
  return host.perRequest + host.perPromptToken * tokens + times(gpu, model, host)(prompt(tokens));
}

/** Seconds for eight prompts of 32 tokens with 128 tokens of answer each: vLLM's own latency benchmark. */
function batchOfEight(gpu: string): number {
  const step = times(gpu, "Llama-3.1-8B-Instruct", vllm06);
  const chunks = Array.from({ length: 8 }, () => ({ context: 0, tokens: 32 }));
  const prefill = step({ tokens: 256, sequences: 8, emitting: 8, chunks, decoding: 0, decodingContext: 0 });
  const decodes = Array.from({ length: 127 }, (_, index) =>
    step({ tokens: 8, sequences: 8, emitting: 8, chunks: [], decoding: 8, decodingContext: 8 * (33 + index) }),
  );
  return decodes.reduce((sum, time) => sum + time, prefill);
}

function tier(gpu: string, model: string): CpuTier {
  return new CpuTier(findModel(model), findGpu(gpu), { gigabytes: 100, chunkTokens: 256, tensorParallel: 1 });
}

const mistral = "Mistral-7B-Instruct-v0.2";

test.each([
  ["lmcache-tests, A40, Mistral, 25,503 tokens", coldTtft("a40", mistral, 25_503, vllm06), 5.259, 0.02],
  ["lmcache-tests, A40, glm-4-9b, 20,897 tokens", coldTtft("a40", "glm-4-9b-chat", 20_897, vllm06), 4.82, 0.02],
  ["vLLM CI, H100, Llama-3.1-8B, 8 x 32/128", batchOfEight("h100"), 0.9975, 0.03],
  ["vLLM CI, H200, Llama-3.1-8B, 8 x 32/128", batchOfEight("h200"), 0.8334, 0.03],
  ["NVIDIA NIM, A100, 8B, 500 tokens", coldTtft("a100", "Llama-3.1-8B-Instruct", 500, vllmV1), 0.0483, 0.06],
])("%s: predicted as published", (_, predicted, published, tolerance) => {
  expect(Math.abs(predicted / published - 1)).toBeLessThan(tolerance);
});

test("a prompt that is stored in CPU memory costs what lmcache-tests saw on an A40: 5.883 to 6.807 s", () => {
  const stored = coldTtft("a40", mistral, 25_503, vllm06) + tier("a40", mistral).storeTime(99);
  expect(stored).toBeGreaterThan(5.883);
  expect(stored).toBeLessThan(6.807);
});

test("a prompt that is loaded from CPU memory costs what lmcache-tests saw on an A40: 0.2517 s", () => {
  const loaded = tier("a40", mistral).loadTime(25_502);
  const host = vllm06.perRequest + vllm06.perPromptToken * 25_503;
  const ttft = host + loaded + times("a40", mistral, vllm06)(prompt(1, 25_502));
  expect(Math.abs(ttft / 0.2517 - 1)).toBeLessThan(0.02);
});

test("two GPUs are faster than one, and less than twice as fast", () => {
  const one = stepTime(findModel(mistral), findGpu("h100"), 1, vllmV1)(prompt(8192));
  const two = stepTime(findModel(mistral), findGpu("h100"), 2, vllmV1)(prompt(8192));
  expect(one / two).toBeGreaterThan(1.5);
  expect(one / two).toBeLessThan(2);
});

test("longer chunks, longer contexts and more sequences never make a step shorter", () => {
  const step = times("h100", mistral, vllmV1);
  const lengths = [1, 16, 256, 2048, 8192];
  const byTokens = lengths.map((tokens) => step(prompt(tokens)));
  const byContext = lengths.map((context) => step(prompt(256, context)));
  const bySequences = lengths.map((decoding) =>
    step({ tokens: decoding, sequences: decoding, emitting: decoding, chunks: [], decoding, decodingContext: 100 * decoding }),
  );
  for (const series of [byTokens, byContext, bySequences]) expect(series).toEqual([...series].sort((a, b) => a - b));
});
