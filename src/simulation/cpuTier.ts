import type { Seconds } from "../model/time.ts";
import type { Gpu } from "./gpus.ts";
import { blockTokens } from "./memory.ts";
import type { ModelShape } from "./models.ts";
import { kvBytesPerToken } from "./models.ts";

export interface CpuTierOptions {
  readonly gigabytes: number;
  readonly chunkTokens: number;
  readonly tensorParallel: number;
}

const perChunk: Seconds = 30e-6;
// Gathering blocks from, and scattering them into, the paged cache reaches this share of the GPU's own memory bandwidth.
const pagedShare = 0.8;

/**
 * KV chunks in CPU memory beside the engine's own cache, as LMCache keeps them: chunks of a prefix found one by one until the first that is
 * missing, copied in before the step that needs them, copied out after the step that filled them, least recently used ones dropped.
 */
export class CpuTier {
  readonly capacity: number;
  readonly chunkTokens: number;
  private readonly kept: Set<number>;
  private readonly bytesPerToken: number;
  private readonly loadBandwidth: number;
  private readonly storeBandwidth: number;

  constructor(model: ModelShape, gpu: Gpu, options: CpuTierOptions) {
    this.chunkTokens = options.chunkTokens;
    this.bytesPerToken = kvBytesPerToken(model, options.tensorParallel);
    // LMCache's max_local_cpu_size is in GiB and per GPU.
    this.capacity = Math.floor((options.gigabytes * 2 ** 30) / (this.bytesPerToken * options.chunkTokens));
    this.kept = new Set();
    const paged = gpu.memoryBandwidth * pagedShare;
    this.loadBandwidth = 1 / (1 / gpu.hostToDeviceBandwidth + 4 / paged);
    this.storeBandwidth = 1 / (1 / gpu.deviceToHostBandwidth + 2 / paged);
  }

  get chunks(): number {
    return this.kept.size;
  }

  /** Tokens of a prompt that can be loaded beyond the `present` ones the GPU has. What is found counts as used, its head last. */
  find(keys: readonly number[], present: number): number {
    const first = Math.floor(present / this.chunkTokens);
    const found: number[] = [];
    for (let chunk = first; ; chunk++) {
      const key = this.keyOf(keys, chunk);
      if (key === undefined || !this.kept.has(key)) break;
      found.push(key);
    }
    for (const key of found.reverse()) this.use(key);
    return Math.max(0, (first + found.length) * this.chunkTokens - present);
  }

  /** Keeps the full chunks of a prefix between `from` and `to` tokens as far as others can make room, and says how many were new. */
  store(keys: readonly number[], from: number, to: number): number {
    const stored: number[] = [];
    for (let chunk = Math.floor(from / this.chunkTokens); (chunk + 1) * this.chunkTokens <= to; chunk++) {
      const key = this.keyOf(keys, chunk);
      if (key === undefined || this.kept.has(key)) continue;
      if (!this.makeRoom(stored.length + 1)) break;
      stored.push(key);
    }
    for (const key of stored) this.kept.add(key);
    return stored.length;
  }

  loadTime(tokens: number): Seconds {
    if (tokens === 0) return 0;
    return Math.ceil(tokens / this.chunkTokens) * perChunk + (tokens * this.bytesPerToken) / this.loadBandwidth;
  }

  storeTime(chunks: number): Seconds {
    return (chunks * this.chunkTokens * this.bytesPerToken) / this.storeBandwidth;
  }

  reset(): void {
    this.kept.clear();
  }

  // The key of the last block in a chunk stands for the whole prefix, so it is the chunk's key too.
  private keyOf(keys: readonly number[], chunk: number): number | undefined {
    return keys[((chunk + 1) * this.chunkTokens) / blockTokens - 1];
  }

  private use(key: number): void {
    this.kept.delete(key);
    this.kept.add(key);
  }

  private makeRoom(wanted: number): boolean {
    while (this.kept.size + wanted > this.capacity) {
      const oldest = this.kept.values().next();
      if (oldest.done === true) return false;
      this.kept.delete(oldest.value);
    }
    return true;
  }
}
