import { getCompileCacheDir } from "node:module";
import { Worker } from "node:worker_threads";

import { coresLeftBy } from "../host/cores.ts";
import { areStopped } from "../host/naps.ts";
import { filesForConnections } from "../host/openFiles.ts";
import type { SharedClock } from "./groundTruth.ts";
import { pack } from "../load/packedPhases.ts";
import { partsOfPhase } from "../load/parts.ts";
import type { Stamped } from "../measure/rulerError.ts";
import type { StampSource } from "../model/exchange.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Reading } from "../model/record.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Nanoseconds } from "../model/time.ts";
import type { FromLoadThread, LoadError, LoadOrder, LoadThreadData, ToLoadThread } from "./loadMessages.ts";

/** Who hears of an order while it is played. */
export interface LoadListener {
  readonly tell?: (event: RunEvent) => void;
  readonly reading?: (reading: Reading) => void;
  /** Aborted: nothing more is sent, what is under way may end. */
  readonly stop: AbortSignal;
  /** Aborted: what is under way ends at once. */
  readonly kill?: AbortSignal;
}

export interface CrewOptions {
  /** Orders kept in memory will come; so it is unless said. */
  readonly calibrates?: boolean;
  /** By the kernel, where it can be had, unless said. */
  readonly stamps?: StampSource | undefined;
}

/** From the last thread's being ready to the start of a phase: for all of them to hear of it. */
const settling: Nanoseconds = 25_000_000;

/** The threads that send and read. Whoever started them plans, boots, scrapes and reports, and measures nothing. */
export class LoadCrew implements AsyncDisposable {
  /** Its threads stamp on the same one. */
  readonly clock: SharedClock;
  private readonly threads: readonly LoadThread[];
  private orders: number;
  /** Where the threads may run. */
  private cores: readonly number[];

  private constructor(clock: SharedClock, threads: readonly LoadThread[]) {
    this.clock = clock;
    this.threads = threads;
    this.orders = 0;
    this.cores = coresLeftBy([]);
  }

  /** `workers` threads, which rehearse while others do other things; `play` waits for them. */
  static start(workers: number, clock: SharedClock, { calibrates = true, stamps = "kernel" }: CrewOptions = {}): LoadCrew {
    const connections = Math.floor(filesForConnections() / workers);
    const { origin } = clock;
    const mayBeStopped = areStopped(workers, coresLeftBy([]).length);
    const common = { origin, connections, calibrates, mayBeStopped, stamps };
    return new LoadCrew(
      clock,
      Array.from({ length: workers }, (_, index) => new LoadThread({ ...common, worker: index + 1 })),
    );
  }

  get size(): number {
    return this.threads.length;
  }

  /** Resolves when all threads have rehearsed, to who stamps what they receive. */
  async ready(): Promise<StampSource> {
    const sources = await Promise.all(this.threads.map(async (thread) => thread.rehearsed));
    return sources.includes("read") ? "read" : "kernel";
  }

  /** Its threads alone do not keep this process going meanwhile: where it waits for what never comes, it ends. */
  async asideWhile<Result>(act: () => Promise<Result>): Promise<Result> {
    for (const thread of this.threads) thread.keepsUs(false);
    try {
      return await act();
    } finally {
      for (const thread of this.threads) thread.keepsUs(true);
    }
  }

  /** From now on its threads run where none of these processes has bound one of its own, if there is such a core for each. */
  keepOutOfTheWayOf(pids: readonly number[]): void {
    const left = coresLeftBy(pids);
    const cores = left.length < this.threads.length ? coresLeftBy([]) : left;
    if (String(cores) === String(this.cores)) return;
    this.cores = cores;
    this.tellAll({ kind: "keepOn", cores });
  }

  /** What is recorded from now on goes to this test's journal. `failed` hears when it no longer reaches the disk. */
  openJournal(directory: string, failed: (error: unknown) => void = () => {}): void {
    for (const thread of this.threads) thread.openJournal(directory, failed);
  }

  async closeJournal(): Promise<void> {
    await Promise.all(this.threads.map(async (thread) => thread.closeJournal()));
  }

  /** Plays the order's phases, each on all threads from the same moment; returns what was kept in memory. */
  async play(what: LoadOrder, listener: LoadListener): Promise<readonly Stamped[]> {
    await this.ready();
    const order = this.orders++;
    const starts = new Starts(this.threads.length, (phase) => {
      const at = this.clock.now() + settling;
      for (const thread of this.threads) thread.tell({ kind: "start", order, phase, at });
    });
    const shares = sharesOf(what, this.threads.length);
    const ends = new AbortController();
    const failed = () => this.tellAll({ kind: "kill", order });
    const playing = this.threads.map(async (thread, index) => thread.play(order, shares[index] ?? what, { ...listener, starts, failed }));
    onAbort(listener.stop, ends.signal, () => this.tellAll({ kind: "stop", order }));
    onAbort(listener.kill, ends.signal, () => this.tellAll({ kind: "kill", order }));
    // All are waited for: nobody must go on recording once the first has failed.
    const played = await Promise.allSettled(playing);
    ends.abort();
    return played.flatMap((of) => {
      if (of.status === "rejected") throw of.reason;
      return of.value;
    });
  }

  /** Open connections are given up: the engines they lead to are about to end. */
  closeLines(): void {
    this.tellAll({ kind: "closeLines" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.threads.map(async (thread) => thread.end()));
  }

  private tellAll(message: ToLoadThread): void {
    for (const thread of this.threads) thread.tell(message);
  }
}

/** Each phase starts when the last thread is ready for it; one that has ended needs no start. */
class Starts {
  private readonly count: number;
  private readonly start: (phase: number) => void;
  private readonly ready: Map<number, number>;
  private ended: number;

  constructor(count: number, start: (phase: number) => void) {
    this.count = count;
    this.start = start;
    this.ready = new Map();
    this.ended = 0;
  }

  isReady(phase: number): void {
    this.ready.set(phase, (this.ready.get(phase) ?? 0) + 1);
    this.look(phase);
  }

  hasEnded(): void {
    this.ended++;
    for (const phase of this.ready.keys()) this.look(phase);
  }

  private look(phase: number): void {
    if ((this.ready.get(phase) ?? 0) + this.ended < this.count) return;
    this.ready.delete(phase);
    this.start(phase);
  }
}

type OrderListener = LoadListener & { readonly starts: Starts; readonly failed: () => void };

interface Playing extends OrderListener {
  readonly done: PromiseWithResolvers<readonly Stamped[]>;
}

class LoadThread {
  readonly rehearsed: Promise<StampSource>;
  private readonly worker: Worker;
  private readonly playing: Map<number, Playing>;
  private readonly isRehearsed: PromiseWithResolvers<StampSource>;
  private journalFailed: (error: unknown) => void;
  private journalClosed: PromiseWithResolvers<void> | undefined;
  /** Why the thread is gone, once it is. */
  private failure: { readonly error: unknown } | undefined;

  constructor(data: LoadThreadData) {
    this.worker = new Worker(new URL("loadThread.ts", import.meta.url), { workerData: data, env: withCompileCache() });
    this.playing = new Map();
    this.isRehearsed = Promise.withResolvers();
    this.rehearsed = this.isRehearsed.promise;
    this.rehearsed.catch(() => {}); // heard by whoever plays
    this.journalFailed = () => {};
    this.journalClosed = undefined;
    this.failure = undefined;
    this.worker.on("message", (message: FromLoadThread) => this.hear(message));
    this.worker.on("error", (error) => this.fail(error));
  }

  tell(message: ToLoadThread): void {
    this.worker.postMessage(message);
  }

  keepsUs(keeps: boolean): void {
    if (keeps) this.worker.ref();
    else this.worker.unref();
  }

  async play(order: number, what: LoadOrder, listener: OrderListener): Promise<readonly Stamped[]> {
    if (this.failure !== undefined) throw this.failure.error;
    const done = Promise.withResolvers<readonly Stamped[]>();
    this.playing.set(order, { ...listener, done });
    const takesTokenIds = Object.values(what.ways).some(({ wire }) => wire.takesTokenIds);
    this.tell({ kind: "play", order, what: { ...what, phases: pack(what.phases, { takesTokenIds }) } });
    return done.promise;
  }

  openJournal(directory: string, failed: (error: unknown) => void): void {
    this.journalFailed = failed;
    this.tell({ kind: "openJournal", directory });
  }

  /** What a thread that is gone had written is on disk; whoever played has heard of the rest. */
  async closeJournal(): Promise<void> {
    if (this.failure !== undefined) return;
    this.journalClosed = Promise.withResolvers();
    this.tell({ kind: "closeJournal" });
    await this.journalClosed.promise;
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private hear(message: FromLoadThread): void {
    switch (message.kind) {
      case "rehearsed":
        this.isRehearsed.resolve(message.stamps);
        break;
      case "ready":
        this.playing.get(message.order)?.starts.isReady(message.phase);
        break;
      case "event":
        this.playing.get(message.order)?.tell?.(message.event);
        break;
      case "reading":
        this.playing.get(message.order)?.reading?.(message.reading);
        break;
      case "ended":
        this.orderEnded(message);
        break;
      case "journalFailed":
        this.journalFailed(errorOf(message.error));
        break;
      case "journalClosed":
        if (message.error === undefined) this.journalClosed?.resolve();
        else this.journalClosed?.reject(errorOf(message.error));
        break;
    }
  }

  private orderEnded({ order, stamped, error }: Extract<FromLoadThread, { kind: "ended" }>): void {
    const playing = this.playing.get(order);
    this.playing.delete(order);
    if (error === undefined) {
      playing?.done.resolve(stamped);
    } else {
      playing?.done.reject(errorOf(error));
      playing?.failed();
    }
    playing?.starts.hasEnded();
  }

  /** A thread that is gone takes what it was at with it. */
  private fail(error: unknown): void {
    this.failure = { error };
    this.isRehearsed.reject(error);
    this.journalClosed?.resolve();
    for (const { done, failed, starts } of this.playing.values()) {
      done.reject(error);
      failed();
      starts.hasEnded();
    }
    this.playing.clear();
  }
}

function errorOf({ code, message, hint }: LoadError): Error {
  if (code === undefined) return new Error(message);
  return new HarnessError(code, message, hint === undefined ? {} : { hint });
}

/** Threads do not find the process's compile cache by themselves, and start twice as slowly without it. */
function withCompileCache(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  return directory === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: directory };
}

/** Each thread's part of an order. */
function sharesOf(what: LoadOrder, threads: number): readonly LoadOrder[] {
  const phases = what.phases.map((phase) => partsOfPhase(phase, threads));
  return Array.from({ length: threads }, (_, index) => ({ ...what, phases: phases.map((parts) => parts[index] ?? []) }));
}

function onAbort(signal: AbortSignal | undefined, until: AbortSignal, act: () => void): void {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act, { signal: until });
}
