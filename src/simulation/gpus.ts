import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";

/**
 * What one GPU does, as the step times need it. Shares are of the datasheet's figure; all were fitted to measured kernels
 * (Vidur's linear-layer profiles, AIConfigurator's vLLM attention and all-reduce tables, LMCache's own copy logs).
 */
export interface Gpu {
  readonly name: string;
  readonly memoryBytes: number;
  /** Dense, 16-bit floats, per second. */
  readonly flops: number;
  /** Bytes per second to and from its own memory. */
  readonly memoryBandwidth: number;
  readonly linearComputeShare: number;
  readonly linearMemoryShare: number;
  readonly linearKernelSeconds: number;
  readonly attentionComputeShare: number;
  /** The length of sequence at which attention reaches half of its share. */
  readonly attentionHalfLength: number;
  readonly attentionMemoryShare: number;
  readonly attentionKernelSeconds: number;
  /** Bytes moved per token, hidden unit and layer by everything that is neither a matrix product nor attention. */
  readonly elementwiseBytes: number;
  readonly allReduceSeconds: number;
  readonly allReduceBandwidth: number;
  readonly hostToDeviceBandwidth: number;
  readonly deviceToHostBandwidth: number;
  /** What vLLM's server batches by default on a card of this size (EngineArgs.get_batch_defaults). */
  readonly batchTokens: number;
  readonly batchSequences: number;
}

/** NVIDIA H100 SXM 80 GB: AIConfigurator systems/h100_sxm.yaml; copies from the log in LMCache pull request 1740. */
const h100: Gpu = {
  name: "h100",
  memoryBytes: 80 * 2 ** 30,
  flops: 989.4e12,
  memoryBandwidth: 3350e9,
  linearComputeShare: 0.72,
  linearMemoryShare: 0.92,
  linearKernelSeconds: 4e-6,
  attentionComputeShare: 0.8,
  attentionHalfLength: 1350,
  attentionMemoryShare: 0.9,
  attentionKernelSeconds: 7e-6,
  elementwiseBytes: 75,
  allReduceSeconds: 5e-6,
  allReduceBandwidth: 200e9,
  hostToDeviceBandwidth: 44.2e9,
  deviceToHostBandwidth: 47.7e9,
  batchTokens: 8192,
  batchSequences: 1024,
};

/** NVIDIA H200 SXM 141 GB: AIConfigurator systems/h200_sxm.yaml; what was not measured on it is the H100's. */
const h200: Gpu = {
  ...h100,
  name: "h200",
  memoryBytes: 141 * 2 ** 30,
  memoryBandwidth: 4800e9,
  linearComputeShare: 0.67,
  linearMemoryShare: 0.9,
  elementwiseBytes: 107,
};

/** NVIDIA A100 SXM 80 GB: AIConfigurator systems/a100_sxm.yaml; copies by analogy with the A40's PCIe 4. */
const a100: Gpu = {
  name: "a100",
  memoryBytes: 80 * 2 ** 30,
  flops: 312e12,
  memoryBandwidth: 2039e9,
  linearComputeShare: 0.74,
  linearMemoryShare: 0.83,
  linearKernelSeconds: 6e-6,
  attentionComputeShare: 0.6,
  attentionHalfLength: 1000,
  attentionMemoryShare: 0.8,
  attentionKernelSeconds: 12e-6,
  elementwiseBytes: 85,
  allReduceSeconds: 5e-6,
  allReduceBandwidth: 100e9,
  hostToDeviceBandwidth: 24e9,
  deviceToHostBandwidth: 24e9,
  batchTokens: 2048,
  batchSequences: 256,
};

/** NVIDIA A40 48 GB: NVIDIA's GA102 whitepaper by way of LLM-Viewer; copies fitted to lmcache-tests (stores were not pinned). */
const a40: Gpu = {
  name: "a40",
  memoryBytes: 46_068 * 2 ** 20,
  flops: 149.7e12,
  memoryBandwidth: 696e9,
  linearComputeShare: 0.74,
  linearMemoryShare: 0.8,
  linearKernelSeconds: 1e-6,
  attentionComputeShare: 0.66,
  attentionHalfLength: 1000,
  attentionMemoryShare: 0.78,
  attentionKernelSeconds: 10e-6,
  elementwiseBytes: 53,
  allReduceSeconds: 5e-6,
  allReduceBandwidth: 15e9,
  hostToDeviceBandwidth: 24e9,
  deviceToHostBandwidth: 3.5e9,
  batchTokens: 2048,
  batchSequences: 256,
};

/** NVIDIA L4 24 GB: AIConfigurator systems/l4.yaml; its 72 W hold it far below the datasheet. Fitted to LMCache's documentation. */
const l4: Gpu = {
  name: "l4",
  memoryBytes: 23_034 * 2 ** 20,
  flops: 121e12,
  memoryBandwidth: 300e9,
  linearComputeShare: 0.4,
  linearMemoryShare: 0.8,
  linearKernelSeconds: 1e-6,
  attentionComputeShare: 0.42,
  attentionHalfLength: 1000,
  attentionMemoryShare: 0.8,
  attentionKernelSeconds: 10e-6,
  elementwiseBytes: 50,
  allReduceSeconds: 5e-6,
  allReduceBandwidth: 15e9,
  hostToDeviceBandwidth: 24e9,
  deviceToHostBandwidth: 24e9,
  batchTokens: 2048,
  batchSequences: 256,
};

const gpus: readonly Gpu[] = [h100, h200, a100, a40, l4];

/** The GPU of that name in any case. */
export function findGpu(name: string): Gpu {
  const known = gpus.map((gpu) => gpu.name);
  const found = gpus.find((gpu) => gpu.name === name.toLowerCase());
  if (found !== undefined) return found;
  const meant = nearest(name, known);
  throw new HarnessError("usage", `the simulated engine has no GPU "${name}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`, {
    hint: `it knows ${known.join(", ")}`,
  });
}
