import { BlockPool } from "./blockPool.ts";
import type { CpuTier } from "./cpuTier.ts";
import { blockTokens } from "./memory.ts";
import type { Sequence } from "./sequence.ts";

export interface SchedulerOptions {
  readonly blocks: number;
  /** Tokens of one step at most. */
  readonly batchTokens: number;
  /** Sequences that run at once at most. */
  readonly batchSequences: number;
  readonly prefixCaching: boolean;
  readonly chunkedPrefill: boolean;
  readonly cpuTier?: CpuTier;
}

/** A sequence's part in a step: `tokens` more on top of those computed. */
export interface Turn {
  readonly sequence: Sequence;
  readonly tokens: number;
}

/** What one step will compute, and what is copied from and to the CPU's cache around it. */
export interface Step {
  readonly turns: readonly Turn[];
  /** Tokens copied in, one number per sequence that had any. */
  readonly loads: readonly number[];
  readonly storedChunks: number;
}

/** What the caches have been asked for and have had, in tokens of prompts, over the engine's life. */
export interface CacheCounts {
  /** Of all requests that have been scheduled. */
  promptTokens: number;
  gpuQueries: number;
  gpuHits: number;
  cpuQueries: number;
  cpuHits: number;
  preemptions: number;
}

/**
 * Continuous batching as vLLM's v1 scheduler does it (v1/core/sched/scheduler.py): each step has a budget of tokens; running sequences are served
 * first, in order, and whoever came last gives way when blocks run short; waiting ones follow first come, first served, unless somebody
 * had to give way. There is no phase of prefill or decoding: a sequence only catches up with its own tokens.
 */
export class Scheduler {
  readonly pool: BlockPool;
  readonly counts: CacheCounts;
  private readonly options: SchedulerOptions;
  private runningNow: Sequence[];
  private queue: Sequence[];

  constructor(options: SchedulerOptions) {
    this.options = options;
    this.pool = new BlockPool(options.blocks);
    this.counts = { promptTokens: 0, gpuQueries: 0, gpuHits: 0, cpuQueries: 0, cpuHits: 0, preemptions: 0 };
    this.runningNow = [];
    this.queue = [];
  }

  get running(): number {
    return this.runningNow.length;
  }

  get waiting(): number {
    return this.queue.length;
  }

  add(sequence: Sequence): void {
    this.queue.push(sequence);
  }

  /** What the next step computes; undefined when there is nothing to do. */
  schedule(): Step | undefined {
    this.forgetAborted();
    const turns: Turn[] = [];
    const loads: number[] = [];
    const left = this.scheduleRunning(turns);
    if (left !== undefined) this.scheduleWaiting(turns, loads, left);
    return turns.length === 0 ? undefined : { turns, loads, storedChunks: this.store(turns) };
  }

  /** Books a step that is done, and returns the sequences that have a token to give. */
  complete({ turns }: Step): readonly Sequence[] {
    for (const { sequence, tokens } of turns) this.advance(sequence, tokens);
    return turns.map(({ sequence }) => sequence).filter((sequence) => sequence.computed === sequence.tokens && !sequence.aborted);
  }

  /** Takes out those that have given their last token. */
  retireFinished(): void {
    for (const sequence of this.runningNow) if (sequence.finished) this.giveBack(sequence);
    this.runningNow = this.runningNow.filter((sequence) => !sequence.finished);
  }

  // Returns the budget that is left for waiting sequences: none when somebody had to give way.
  private scheduleRunning(turns: Turn[]): number | undefined {
    let budget = this.options.batchTokens;
    let preempted = false;
    for (let index = 0; index < this.runningNow.length && budget > 0; index++) {
      const sequence = this.runningNow[index]!;
      const tokens = Math.min(sequence.tokens - sequence.computed, budget);
      if (this.growOrPreempt(sequence, tokens) === "preempted") preempted = true;
      if (index >= this.runningNow.length) break;
      turns.push({ sequence, tokens });
      budget -= tokens;
    }
    return preempted ? undefined : budget;
  }

  // Others that came later, and at last the sequence itself, give way until it has its blocks.
  private growOrPreempt(sequence: Sequence, tokens: number): "grown" | "preempted" {
    let outcome: "grown" | "preempted" = "grown";
    while (!this.grow(sequence, tokens)) {
      outcome = "preempted";
      const victim = this.runningNow.pop();
      if (victim === undefined) break;
      this.preempt(victim);
      if (victim === sequence) break;
    }
    return outcome;
  }

  private grow(sequence: Sequence, tokens: number): boolean {
    const fresh = this.pool.take(blocksFor(sequence.computed + tokens) - sequence.blocks.length);
    if (fresh === undefined) return false;
    sequence.blocks.push(...fresh);
    return true;
  }

  private preempt(sequence: Sequence): void {
    this.giveBack(sequence);
    sequence.preemptions++;
    this.counts.preemptions++;
    this.queue.unshift(sequence);
  }

  private scheduleWaiting(turns: Turn[], loads: number[], budget: number): void {
    let left = budget;
    while (left > 0 && this.runningNow.length < this.options.batchSequences) {
      const sequence = this.queue[0];
      if (sequence === undefined) return;
      const tokens = this.admit(sequence, left, loads);
      if (tokens === undefined) return;
      this.queue.shift();
      this.runningNow.push(sequence);
      turns.push({ sequence, tokens });
      left -= tokens;
    }
  }

  // Returns its tokens of this step, or undefined when it must wait, and with it everybody behind it.
  private admit(sequence: Sequence, budget: number, loads: number[]): number | undefined {
    const { prefixCaching, chunkedPrefill, cpuTier } = this.options;
    // The last token is always computed, since its row gives the next one.
    const reusable = Math.floor((sequence.tokens - 1) / blockTokens);
    const shared = prefixCaching ? this.pool.cachedPrefix(sequence.keys, reusable) : [];
    const gpu = shared.length * blockTokens;
    const cpu = Math.min(cpuTier?.find(sequence.keys, gpu) ?? 0, sequence.tokens - 1 - gpu);
    const missing = sequence.tokens - gpu - cpu;
    if (!chunkedPrefill && missing > budget) return undefined;
    const tokens = Math.min(missing, budget);
    const blocks = this.pool.take(blocksFor(gpu + cpu + tokens) - shared.length, shared);
    if (blocks === undefined) return undefined;
    sequence.blocks.push(...blocks);
    sequence.remembered = shared.length;
    sequence.computed = gpu + cpu;
    if (cpu > 0) loads.push(cpu);
    this.countFound(sequence, gpu, cpu);
    return tokens;
  }

  private countFound(sequence: Sequence, gpu: number, cpu: number): void {
    if (sequence.found !== undefined) return;
    sequence.found = { gpu, cpu };
    this.counts.promptTokens += sequence.promptTokens;
    if (this.options.prefixCaching) this.counts.gpuQueries += sequence.tokens;
    this.counts.gpuHits += gpu;
    if (this.options.cpuTier !== undefined) this.counts.cpuQueries += sequence.tokens - gpu;
    this.counts.cpuHits += cpu;
  }

  // Prompts only, as they get computed: LMCache leaves answers out unless told otherwise.
  private store(turns: readonly Turn[]): number {
    const { cpuTier } = this.options;
    if (cpuTier === undefined) return 0;
    let chunks = 0;
    for (const { sequence, tokens } of turns) {
      const computed = Math.min(sequence.computed + tokens, sequence.promptTokens);
      if (computed <= sequence.offered) continue;
      chunks += cpuTier.store(sequence.keys, sequence.offered, computed);
      sequence.offered = computed;
    }
    return chunks;
  }

  private advance(sequence: Sequence, tokens: number): void {
    sequence.computed += tokens;
    if (!this.options.prefixCaching) return;
    const full = Math.floor(sequence.computed / blockTokens);
    for (; sequence.remembered < full; sequence.remembered++) {
      this.pool.remember(sequence.blocks[sequence.remembered]!, sequence.keys[sequence.remembered]!);
    }
  }

  private giveBack(sequence: Sequence): void {
    this.pool.release(sequence.blocks);
    sequence.blocks.length = 0;
    sequence.remembered = 0;
    sequence.computed = 0;
  }

  private forgetAborted(): void {
    for (const sequence of this.runningNow) if (sequence.aborted) this.giveBack(sequence);
    this.runningNow = this.runningNow.filter((sequence) => !sequence.aborted);
    this.queue = this.queue.filter((sequence) => !sequence.aborted);
  }
}

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / blockTokens);
}
