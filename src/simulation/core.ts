import { firstWordId, vocabularySize } from "../model/vocabulary.ts";
import type { SimulationOptions } from "../model/engine.ts";
import type { Clock } from "../model/host.ts";
import type { Nanoseconds, Seconds } from "../model/time.ts";
import { toNanoseconds } from "../model/time.ts";
import { CpuTier } from "./cpuTier.ts";
import type { Gpu } from "./gpus.ts";
import { findGpu } from "./gpus.ts";
import { blockTokens, kvBlocks } from "./memory.ts";
import type { ModelShape } from "./models.ts";
import { findModel } from "./models.ts";
import type { CacheCounts, SchedulerOptions, Step } from "./scheduler.ts";
import { Scheduler } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";
import type { Batch, Chunk } from "./stepTime.ts";
import { stepTime, vllmV1 } from "./stepTime.ts";

/** What a request's owner hears, synchronously and in order. Times are the simulated engine's own: the truth. */
export interface GenerationListener {
  /** Tokenised and in the engine's queue: when vLLM answers with its headers. */
  queued(at: Nanoseconds): void;
  /** All tokens of one step come at the same time, one listener after the other. */
  token(at: Nanoseconds, token: number): void;
  finished(at: Nanoseconds, usage: GenerationUsage): void;
}

export interface GenerationUsage {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Of the prompt, found in the engine's own prefix cache. */
  readonly gpuCachedTokens: number;
  /** Of the prompt, loaded from CPU memory. */
  readonly cpuCachedTokens: number;
  readonly preemptions: number;
}

/** One request inside the simulated engine. */
export interface Generation {
  /** Nothing is heard of it any more. */
  abort(): void;
}

/** What the engine counts of itself over its life. */
export interface EngineCounts extends CacheCounts {
  readonly running: number;
  readonly waiting: number;
  /** Share of KV blocks in use. */
  readonly kvUsage: number;
  readonly outputTokens: number;
  readonly finished: number;
}

/** The simulated engine: requests in, tokens out, on whatever clock it is given. It draws no random numbers. */
export interface SimulatedCore {
  readonly model: ModelShape;
  readonly gpu: Gpu;
  readonly kvBlocks: number;
  /** Prompt and answer together at most: the model's limit, or all KV blocks where those are fewer. */
  readonly contextLimit: number;
  submit(prompt: ArrayLike<number>, maxOutputTokens: number, listener: GenerationListener): Generation;
  counts(): EngineCounts;
  /** False while requests hold blocks. */
  resetCaches(options: { cpu: boolean }): boolean;
}

export function simulatedCore(options: SimulationOptions, clock: Clock): SimulatedCore {
  const model = findModel(options.model);
  const gpu = findGpu(options.gpu);
  const scheduling = schedulerOptions(model, gpu, options);
  const contextLimit = Math.min(model.contextLength, scheduling.blocks * blockTokens);
  const parts = {
    scheduler: new Scheduler(scheduling),
    stepTime: stepTime(model, gpu, options.tensorParallel, vllmV1),
    cpuTier: scheduling.cpuTier,
  };
  return new Core({ ...parts, model, gpu, kvBlocks: scheduling.blocks, contextLimit, timeScale: options.timeScale }, clock);
}

function schedulerOptions(model: ModelShape, gpu: Gpu, options: SimulationOptions): SchedulerOptions {
  const { tensorParallel, prefixCaching, chunkedPrefill, cpuCache } = options;
  // Without chunks a whole prompt has to fit into one step.
  const batchTokens = chunkedPrefill ? gpu.batchTokens : Math.max(gpu.batchTokens, model.contextLength);
  const batchSequences = options.maxSequences ?? gpu.batchSequences;
  const blocks = kvBlocks(model, gpu, { tensorParallel, utilization: options.gpuMemoryUtilization, batchTokens, batchSequences });
  const cpuTier = cpuCache === undefined ? {} : { cpuTier: new CpuTier(model, gpu, { ...cpuCache, tensorParallel }) };
  return { blocks, batchTokens, batchSequences, prefixCaching, chunkedPrefill, ...cpuTier };
}

interface CoreParts {
  readonly scheduler: Scheduler;
  readonly stepTime: (batch: Batch) => Seconds;
  readonly cpuTier: CpuTier | undefined;
  readonly model: ModelShape;
  readonly gpu: Gpu;
  readonly kvBlocks: number;
  readonly contextLimit: number;
  readonly timeScale: number;
}

class Core implements SimulatedCore {
  readonly model: ModelShape;
  readonly gpu: Gpu;
  readonly kvBlocks: number;
  readonly contextLimit: number;
  private readonly parts: CoreParts;
  private readonly clock: Clock;
  private readonly listeners: Map<Sequence, GenerationListener>;
  private readonly totals: { outputTokens: number; finished: number };
  private nextId: number;
  private stepping: boolean;

  constructor(parts: CoreParts, clock: Clock) {
    this.model = parts.model;
    this.gpu = parts.gpu;
    this.kvBlocks = parts.kvBlocks;
    this.contextLimit = parts.contextLimit;
    this.parts = parts;
    this.clock = clock;
    this.listeners = new Map();
    this.totals = { outputTokens: 0, finished: 0 };
    this.nextId = 0;
    this.stepping = false;
  }

  submit(prompt: ArrayLike<number>, maxOutputTokens: number, listener: GenerationListener): Generation {
    const sequence = new Sequence(this.nextId++, prompt, Math.max(1, Math.min(maxOutputTokens, this.contextLimit - prompt.length)));
    const queuedAt = this.clock.now() + this.scaled(vllmV1.perRequest + vllmV1.perPromptToken * prompt.length);
    const cancel = this.clock.at(queuedAt, () => this.queue(sequence, listener, queuedAt));
    return {
      abort: () => {
        cancel();
        sequence.aborted = true;
        this.listeners.delete(sequence);
      },
    };
  }

  counts(): EngineCounts {
    const { scheduler } = this.parts;
    const { running, waiting, pool, counts } = scheduler;
    return { ...counts, ...this.totals, running, waiting, kvUsage: 1 - pool.free / pool.size };
  }

  resetCaches({ cpu }: { cpu: boolean }): boolean {
    if (cpu) this.parts.cpuTier?.reset();
    return this.parts.scheduler.pool.reset();
  }

  private queue(sequence: Sequence, listener: GenerationListener, at: Nanoseconds): void {
    this.listeners.set(sequence, listener);
    this.parts.scheduler.add(sequence);
    listener.queued(at);
    if (!this.stepping) this.startStep(at);
  }

  // Steps follow each other by the plan, not by when the clock got round to them: a late timer does not slow the engine down.
  private startStep(at: Nanoseconds): void {
    const step = this.parts.scheduler.schedule();
    this.stepping = step !== undefined;
    if (step === undefined) return;
    const endsAt = at + this.scaled(this.durationOf(step));
    this.clock.at(endsAt, () => this.endStep(step, endsAt));
  }

  private endStep(step: Step, at: Nanoseconds): void {
    const { scheduler } = this.parts;
    const emitting = scheduler.complete(step);
    for (const sequence of emitting) this.emit(sequence, at);
    scheduler.retireFinished();
    for (const sequence of emitting) if (sequence.finished) this.finish(sequence, at);
    this.startStep(at);
  }

  private emit(sequence: Sequence, at: Nanoseconds): void {
    const token = replyToken(sequence.digest, sequence.outputTokens);
    sequence.give(token);
    this.totals.outputTokens++;
    this.listeners.get(sequence)?.token(at, token);
  }

  private finish(sequence: Sequence, at: Nanoseconds): void {
    const listener = this.listeners.get(sequence);
    this.listeners.delete(sequence);
    this.totals.finished++;
    listener?.finished(at, {
      promptTokens: sequence.promptTokens,
      outputTokens: sequence.outputTokens,
      gpuCachedTokens: sequence.found?.gpu ?? 0,
      cpuCachedTokens: sequence.found?.cpu ?? 0,
      preemptions: sequence.preemptions,
    });
  }

  private durationOf(step: Step): Seconds {
    const { cpuTier, stepTime } = this.parts;
    const computing = stepTime(batchOf(step));
    if (cpuTier === undefined) return computing;
    const loading = step.loads.reduce((sum, tokens) => sum + cpuTier.loadTime(tokens), 0);
    return loading + computing + cpuTier.storeTime(step.storedChunks);
  }

  private scaled(length: Seconds): Nanoseconds {
    return toNanoseconds(length * this.parts.timeScale);
  }
}

// As the step times see it: a sequence that adds one token to its answer decodes, everything else is a piece of prompt.
function batchOf({ turns }: Step): Batch {
  const batch = { tokens: 0, sequences: turns.length, emitting: 0, chunks: [] as Chunk[], decoding: 0, decodingContext: 0 };
  for (const { sequence, tokens } of turns) {
    batch.tokens += tokens;
    if (sequence.computed + tokens === sequence.tokens) batch.emitting++;
    if (tokens > 1 || sequence.computed < sequence.promptTokens) batch.chunks.push({ context: sequence.computed, tokens });
    else {
      batch.decoding++;
      batch.decodingContext += sequence.tokens;
    }
  }
  return batch;
}

// The same prompt gets the same answer from every simulated engine, as it would at temperature zero.
function replyToken(digest: number, index: number): number {
  const mixed = Math.imul((digest ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0, 0x85ebca6b);
  return firstWordId + (((mixed ^ (mixed >>> 15)) >>> 0) % (vocabularySize - firstWordId));
}
