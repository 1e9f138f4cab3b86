import { expect, test } from "vitest";
import { CpuTier } from "./cpuTier.ts";
import { findGpu } from "./gpus.ts";
import { HashChain } from "./hashChain.ts";
import { findModel } from "./models.ts";

const chunkGib = (256 * 131_072) / 2 ** 30;

function tierOf({ chunks }: { chunks: number }): CpuTier {
  return new CpuTier(findModel("Llama-3.1-8B-Instruct"), findGpu("h100"), {
    gigabytes: chunks * chunkGib,
    chunkTokens: 256,
    tensorParallel: 1,
  });
}

/** Keys of `tokens` tokens that all are `token`. */
function keysOf(token: number, tokens: number): readonly number[] {
  const chain = new HashChain();
  for (let index = 0; index < tokens; index++) chain.append(token);
  return chain.keys;
}

test("full chunks are found up to the first that is missing, beyond what the GPU has", () => {
  const tier = tierOf({ chunks: 10 });
  expect(tier.store(keysOf(1, 1000), 0, 1000)).toBe(3);
  expect(tier.find(keysOf(1, 1000), 0)).toBe(768);
  expect(tier.find(keysOf(1, 1000), 300)).toBe(468);
  expect(tier.find(keysOf(2, 1000), 0)).toBe(0);
});

test("what is there is not stored again", () => {
  const tier = tierOf({ chunks: 10 });
  tier.store(keysOf(1, 512), 0, 512);
  expect(tier.store(keysOf(1, 1024), 0, 1024)).toBe(2);
  expect(tier.chunks).toBe(4);
});

test("the chunk that was used least recently makes room, and a prefix loses its tail before its head", () => {
  const tier = tierOf({ chunks: 4 });
  tier.store(keysOf(1, 512), 0, 512);
  tier.store(keysOf(2, 512), 0, 512);
  expect(tier.find(keysOf(1, 512), 0)).toBe(512);
  tier.store(keysOf(3, 512), 0, 512);
  expect(tier.find(keysOf(2, 512), 0)).toBe(0);
  tier.store(keysOf(4, 256), 0, 256);
  expect(tier.find(keysOf(1, 512), 0)).toBe(256);
});

test("a prompt larger than the whole cache keeps its head", () => {
  const tier = tierOf({ chunks: 2 });
  expect(tier.store(keysOf(1, 2048), 0, 2048)).toBe(2);
  expect(tier.find(keysOf(1, 2048), 0)).toBe(512);
});

test("a GiB comes in at the measured 41 GiB/s of LMCache's log, less what scattering it costs", () => {
  const tokens = 2 ** 30 / 131_072;
  // 1.0737 GB / 44.2 GB/s + 4 * 1.0737 / (0.8 * 3350) + 32 chunks of 30 microseconds
  expect(tierOf({ chunks: 100 }).loadTime(tokens)).toBeCloseTo(0.02429 + 0.0016 + 0.00096, 4);
});
