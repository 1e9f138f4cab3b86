import type { Seconds } from "../model/time.ts";
import type { Gpu } from "./gpus.ts";
import type { ModelShape } from "./models.ts";
import { bytesPerElement, kvBytesPerToken } from "./models.ts";

/** What one step of the engine computes. */
export interface Batch {
  readonly tokens: number;
  readonly sequences: number;
  /** Sequences that give out a token: only their rows go through the output layer. */
  readonly emitting: number;
  /** Pieces of prompts, each on top of `context` tokens that are there already. */
  readonly chunks: readonly Chunk[];
  /** Sequences that add one token to an answer, and the tokens they look back at, all together. */
  readonly decoding: number;
  readonly decodingContext: number;
}

export interface Chunk {
  readonly context: number;
  readonly tokens: number;
}

/** What the host adds to every step and every request, whatever the GPU. */
export interface HostCosts {
  readonly perStep: Seconds;
  /** On top, when several GPUs have to be told. */
  readonly perStepWithPeers: Seconds;
  readonly perSequence: Seconds;
  readonly perRequest: Seconds;
  readonly perPromptToken: Seconds;
}

/** vLLM's v1 engine, fitted to its own latency benchmarks on H100. */
export const vllmV1: HostCosts = {
  perStep: 1e-3,
  perStepWithPeers: 0.3e-3,
  perSequence: 10e-6,
  perRequest: 10e-3,
  perPromptToken: 1.6e-6,
};

/**
 * How long a step takes: a roofline per kind of kernel (linear layers, attention, the rest, communication) plus what the host adds.
 * Constants and their sources are in gpus.ts; they come within 6 to 20 % of 17,500 measured linear layers, and 1 to 6 % of published latencies.
 */
export function stepTime(model: ModelShape, gpu: Gpu, tensorParallel: number, host: HostCosts): (batch: Batch) => Seconds {
  const linear = linearTime(model, gpu, tensorParallel);
  const attention = attentionTime(model, gpu, tensorParallel);
  const rest = (model.layers * model.hidden * gpu.elementwiseBytes * (0.4 + 0.6 / tensorParallel)) / gpu.memoryBandwidth;
  const communication = communicationTime(model, gpu, tensorParallel);
  const fixed = host.perStep + (tensorParallel > 1 ? host.perStepWithPeers : 0);
  return (batch) =>
    linear(batch) + attention(batch) + batch.tokens * rest + communication(batch) + fixed + host.perSequence * batch.sequences;
}

// Products with the layers' weights for every token, and with the output layer's for those that emit.
function linearTime(model: ModelShape, gpu: Gpu, tensorParallel: number): (batch: Batch) => Seconds {
  const { layers, hidden, queryHeads, kvHeads, headSize, feedForward, vocabulary } = model;
  const layer = hidden * (queryHeads + 2 * kvHeads) * headSize + queryHeads * headSize * hidden + 3 * hidden * feedForward;
  const body = product(layers * layer, gpu, tensorParallel);
  const head = product(vocabulary * hidden, gpu, tensorParallel);
  const kernelsPerLayer = 4;
  const kernels = kernelsPerLayer * layers * gpu.linearKernelSeconds;
  return ({ tokens, emitting }) => body(tokens) + kernels + (emitting === 0 ? 0 : head(emitting) + gpu.linearKernelSeconds);
}

// Bound by arithmetic for many rows, by reading the weights for few.
function product(weights: number, gpu: Gpu, tensorParallel: number): (rows: number) => Seconds {
  const perRow = (2 * weights) / (gpu.flops * gpu.linearComputeShare) / tensorParallel;
  const reading = (weights * bytesPerElement) / (gpu.memoryBandwidth * gpu.linearMemoryShare) / tensorParallel;
  return (rows) => Math.max(rows * perRow, reading);
}

function attentionTime(model: ModelShape, gpu: Gpu, tensorParallel: number): (batch: Batch) => Seconds {
  const { layers, queryHeads, headSize } = model;
  const reading = kvBytesPerToken(model, tensorParallel) / layers / (gpu.memoryBandwidth * gpu.attentionMemoryShare);
  const flops = gpu.flops * gpu.attentionComputeShare;
  const chunkTime = ({ context, tokens }: Chunk) => {
    const length = context + tokens;
    const operations = 4 * queryHeads * headSize * tokens * (context + tokens / 2);
    const computing = operations / ((flops * length) / (length + gpu.attentionHalfLength));
    return Math.max(computing / tensorParallel, length * reading) + gpu.attentionKernelSeconds;
  };
  return ({ chunks, decoding, decodingContext }) => {
    const prefill = chunks.reduce((sum, chunk) => sum + chunkTime(chunk), 0);
    const decode = decoding === 0 ? 0 : gpu.attentionKernelSeconds + decodingContext * reading;
    return layers * (prefill + decode);
  };
}

// Two all-reduces per layer, as a ring.
function communicationTime({ layers, hidden }: ModelShape, gpu: Gpu, tensorParallel: number): (batch: Batch) => Seconds {
  if (tensorParallel === 1) return () => 0;
  const perToken = (((2 * (tensorParallel - 1)) / tensorParallel) * hidden * bytesPerElement) / gpu.allReduceBandwidth;
  return ({ tokens }) => 2 * layers * (gpu.allReduceSeconds + tokens * perToken);
}
