import { HarnessError } from "../model/harnessError.ts";
import type { Gpu } from "./gpus.ts";
import type { ModelShape } from "./models.ts";
import { kvBytesPerToken } from "./models.ts";

/** Tokens of one KV block, as vLLM has it. */
export const blockTokens = 16;

export interface MemoryPlan {
  readonly tensorParallel: number;
  /** Share of the GPU's memory that the engine may take. */
  readonly utilization: number;
  readonly batchTokens: number;
  readonly batchSequences: number;
}

const graphsAndContext = 1.25e9;

/** KV blocks that fit beside the weights, the largest batch's activations, CUDA graphs and the communication buffers. */
export function kvBlocks(model: ModelShape, gpu: Gpu, plan: MemoryPlan): number {
  const { tensorParallel, batchTokens, batchSequences } = plan;
  const activations =
    batchTokens * ((2 * model.feedForward) / tensorParallel + 2 * model.hidden) * 2 + batchSequences * model.vocabulary * 4;
  const taken = model.weightBytes / tensorParallel + activations + graphsAndContext + communicationBuffers(tensorParallel);
  const left = plan.utilization * gpu.memoryBytes - taken;
  const blocks = Math.floor(left / (kvBytesPerToken(model, tensorParallel) * blockTokens));
  if (blocks >= 1) return blocks;
  throw new HarnessError("usage", `${model.name} does not fit into ${plan.utilization * 100} % of ${tensorParallel} ${gpu.name}`, {
    hint: `it needs about ${Math.ceil(taken / 2 ** 30)} GiB per GPU before the first KV block: raise gpuMemoryUtilization or tensorParallel`,
  });
}

// NCCL's, as AIConfigurator measured them.
function communicationBuffers(tensorParallel: number): number {
  if (tensorParallel === 1) return 0;
  return (tensorParallel === 2 ? 342 : 392) * 2 ** 20;
}
