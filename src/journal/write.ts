import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { devNull } from "node:os";
import { dirname } from "node:path";
import type { Ending } from "../model/exchange.ts";
import type { Verdict } from "../model/figures.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Reading } from "../model/record.ts";
import { stampCodes, type Recorder, type StampKind } from "../model/recorder.ts";
import type { RunManifest, TestDescription } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Nanoseconds } from "../model/time.ts";
import type { Workload } from "../model/workload.ts";
import { AppendFile, forWriting } from "./appendFile.ts";
import { ByteColumn, Int32Column, Int64Column, OptionalColumn, RealColumn, TextColumn } from "./columns.ts";
import * as paths from "./paths.ts";
import { countsSchema, endingsSchema, exchangesSchema, readingsSchema, stampsSchema } from "./tables.ts";
import { TableWriter } from "./tableWriter.ts";
import { encodeWorkload } from "./workloadFile.ts";

export interface JournalOptions {
  /** Of several workers: the number in its files' names. Events, verdicts and readings belong to worker 0. */
  readonly worker?: number;
  /** A virtual clock runs hours in seconds: rows are then written by number and at the end, not by a timer. */
  readonly virtual?: boolean;
}

/** Opens the journal of one test in `directory`, which is made where missing. Nothing that is there is written over. */
export function openJournal(directory: string, options: JournalOptions = {}): JournalWriter {
  const journal = paths.journalDirectory(directory);
  forWriting(journal, () => mkdirSync(journal, { recursive: true }));
  return new JournalWriter(directory, options);
}

/** Records as any other and keeps nothing: for whoever rehearses. No file of it is left, whenever its process or thread is ended. */
export function journalOfNothing({ worker }: Required<Pick<JournalOptions, "worker">>): Recorder & Disposable {
  return new JournalWriter(devNull, { worker });
}

export function writeManifest(run: string, manifest: RunManifest): void {
  writeWhole(paths.manifestFile(run), [legible(manifest)]);
}

// 16,384 stamps are 280 KB and take well under a millisecond to write: the load shares this thread.
const stampsInBatch = 16_384;
const requestsInBatch = 1_024;
const flushEveryMilliseconds = 1_000;
/** So often in a row rows may wait for a disk that is full. */
const failuresBorne = 5;

/** What happens in one test, appended to its journal as it happens. */
export class JournalWriter implements Recorder, Disposable {
  /** Resolves when what is recorded will not reach the disk: it was full for seconds, or the files are gone. Nobody else would hear of it until the load is over. */
  readonly failed: Promise<HarnessError>;
  private readonly directory: string;
  private readonly exchanges: ReturnType<typeof exchangesTable>;
  private readonly stamps: ReturnType<typeof stampsTable>;
  private readonly endings: ReturnType<typeof endingsTable>;
  private readings: ReturnType<typeof readingsTable> | undefined;
  /** By the worker whose exchanges were counted. */
  private readonly counts: Map<number, ReturnType<typeof countsTable>>;
  private events: AppendFile | undefined;
  private verdictLines: AppendFile | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  private count: number;
  private closed: boolean;
  private failures: number;

  constructor(directory: string, { worker = 0, virtual = false }: JournalOptions) {
    const { promise, resolve } = Promise.withResolvers<HarnessError>();
    this.failed = promise;
    this.directory = directory;
    const file = (table: paths.WorkerTable) => (directory === devNull ? devNull : paths.tableFile(directory, table, worker));
    this.exchanges = exchangesTable(file("exchanges"));
    this.stamps = stampsTable(file("stamps"));
    this.endings = endingsTable(file("endings"));
    this.timer = virtual ? undefined : setInterval(() => this.flushOrTell(resolve), flushEveryMilliseconds).unref();
    this.counts = new Map();
    this.count = 0;
    this.closed = false;
    this.failures = 0;
  }

  describe(description: TestDescription): void {
    writeWhole(paths.descriptionFile(this.directory), [legible(description)]);
  }

  /** `hash` is `workloadHash(workload)`. */
  workload(experiment: number, workload: Workload, hash: string, block = 0): void {
    writeWhole(paths.workloadFile(this.directory, experiment, block), encodeWorkload(workload, hash));
  }

  due(of: Parameters<Recorder["due"]>[0]): number {
    if (this.exchanges.isFull) this.exchanges.flush();
    const { columns } = this.exchanges;
    const row = this.exchanges.nextRow();
    const exchange = this.count++;
    columns.exchange.set(row, exchange);
    columns.experiment.set(row, of.experiment);
    columns.block.set(row, of.block);
    columns.engine.set(row, of.engine);
    columns.request.set(row, of.request);
    columns.start.set(row, of.start);
    columns.due.set(row, of.due);
    return exchange;
  }

  stamp(exchange: number, kind: StampKind, at: Nanoseconds, tokens: number): void {
    if (this.stamps.isFull) this.flushStamps();
    const { columns } = this.stamps;
    const row = this.stamps.nextRow();
    columns.exchange.set(row, exchange);
    columns.kind.set(row, stampCodes[kind]);
    columns.at.set(row, at);
    columns.tokens.set(row, tokens);
  }

  texts(exchange: number, at: Nanoseconds, events: number): void {
    const { columns } = this.stamps;
    for (let left = events; left > 0;) {
      if (this.stamps.isFull) this.flushStamps();
      const count = Math.min(left, this.stamps.room);
      const [row, end] = this.stamps.nextRows(count);
      columns.exchange.fill(exchange, row, end);
      columns.kind.fill(stampCodes.text, row, end);
      columns.at.fill(at, row, end);
      columns.tokens.fill(1, row, end);
      left -= count;
    }
  }

  ended(exchange: number, at: Nanoseconds, ending: Ending): void {
    if (this.endings.isFull) this.flush();
    const { columns } = this.endings;
    const row = this.endings.nextRow();
    const { code, message } = reasonOf(ending.outcome);
    columns.exchange.set(row, exchange);
    columns.at.set(row, at);
    columns.outcome.set(row, ending.outcome.kind);
    columns.code.set(row, code);
    columns.message.set(row, message);
    columns.status.set(row, ending.status);
    columns.promptTokens.set(row, ending.promptTokens);
    columns.cachedTokens.set(row, ending.cachedTokens);
    columns.outputTokens.set(row, ending.outputTokens);
    columns.outputTokensSource.set(row, ending.outputTokensSource);
    columns.impossibleTokens.set(row, ending.impossibleTokens);
    columns.impossibleCachedTokens.set(row, ending.impossibleCachedTokens);
    columns.text.set(row, ending.text);
    columns.aside.set(row, ending.aside);
  }

  /** What an engine's tokenizer made of a whole reply, once its experiment was over. */
  counted(worker: number, exchange: number, tokens: number): void {
    const counts = this.counts.get(worker) ?? countsTable(paths.tableFile(this.directory, "counts", worker));
    this.counts.set(worker, counts);
    if (counts.isFull) counts.flush();
    const { columns } = counts;
    const row = counts.nextRow();
    columns.exchange.set(row, exchange);
    columns.tokens.set(row, tokens);
  }

  reading(experiment: number, reading: Reading): void {
    this.readings ??= readingsTable(paths.readingsFile(this.directory));
    if (this.readings.isFull) this.readings.flush();
    const { columns } = this.readings;
    const row = this.readings.nextRow();
    columns.experiment.set(row, experiment);
    columns.at.set(row, reading.at);
    columns.series.set(row, reading.series);
    columns.of.set(row, reading.of);
    columns.value.set(row, reading.value);
  }

  /** Written at once, except what the stamps say already. */
  event(at: Nanoseconds, event: RunEvent): void {
    if (event.kind === "requests") return;
    this.events ??= new AppendFile(paths.eventsFile(this.directory));
    this.events.append(jsonLine({ at, event }));
  }

  verdicts(verdicts: readonly Verdict[]): void {
    this.verdictLines ??= new AppendFile(paths.verdictsFile(this.directory));
    for (const verdict of verdicts) this.verdictLines.append(jsonLine(verdict));
  }

  /** In this order, so that whatever is cut off, a stamp on disk has its exchange, and an ending its stamps. */
  flush(): void {
    this.flushStamps();
    this.endings.flush();
    this.readings?.flush();
    for (const counts of this.counts.values()) counts.flush();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.timer);
    try {
      this.flush();
    } finally {
      const tables = [this.exchanges, this.stamps, this.endings, this.readings, ...this.counts.values()];
      for (const file of [...tables, this.events, this.verdictLines]) file?.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Without endings, which can wait: where events come by the million, stamps fill up long before. */
  private flushStamps(): void {
    this.exchanges.flush();
    this.stamps.flush();
  }

  private flushOrTell(tell: (error: HarnessError) => void): void {
    try {
      if (this.exchanges.isRemoved) tell(removed(this.directory));
      this.flush();
      this.failures = 0;
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      if (++this.failures >= failuresBorne) tell(error);
    }
  }
}

function exchangesTable(path: string) {
  const rows = requestsInBatch;
  return new TableWriter(path, exchangesSchema, rows, {
    exchange: new Int32Column(rows),
    experiment: new Int32Column(rows),
    block: new Int32Column(rows),
    engine: new TextColumn(),
    request: new Int32Column(rows),
    start: new Int64Column(rows),
    due: new Int64Column(rows),
  });
}

function stampsTable(path: string) {
  const rows = stampsInBatch;
  return new TableWriter(path, stampsSchema, rows, {
    exchange: new Int32Column(rows),
    kind: new ByteColumn(rows),
    at: new Int64Column(rows),
    tokens: new Int32Column(rows),
  });
}

function endingsTable(path: string) {
  const rows = requestsInBatch;
  return new TableWriter(path, endingsSchema, rows, {
    exchange: new Int32Column(rows),
    at: new Int64Column(rows),
    outcome: new TextColumn(),
    code: new TextColumn(),
    message: new TextColumn(),
    status: new OptionalColumn("int32"),
    promptTokens: new OptionalColumn("int32"),
    cachedTokens: new OptionalColumn("int32"),
    outputTokens: new OptionalColumn("int32"),
    outputTokensSource: new TextColumn(),
    impossibleTokens: new OptionalColumn("real"),
    impossibleCachedTokens: new OptionalColumn("real"),
    text: new TextColumn(),
    aside: new TextColumn(),
  });
}

function countsTable(path: string) {
  const rows = requestsInBatch;
  return new TableWriter(path, countsSchema, rows, { exchange: new Int32Column(rows), tokens: new Int32Column(rows) });
}

function readingsTable(path: string) {
  const rows = requestsInBatch;
  return new TableWriter(path, readingsSchema, rows, {
    experiment: new Int32Column(rows),
    at: new Int64Column(rows),
    series: new TextColumn(),
    of: new TextColumn(),
    value: new RealColumn(rows),
  });
}

function reasonOf(outcome: Outcome): { code?: string; message?: string } {
  switch (outcome.kind) {
    case "failed":
      return { code: outcome.code, message: outcome.message };
    case "dropped":
      return { message: outcome.reason };
    case "completed":
    case "cancelled":
      return {};
  }
}

function removed(directory: string): HarnessError {
  return new HarnessError("output", `${directory} was removed while it was written: what was recorded is lost`, {
    hint: "leave a run's directory alone until it has ended",
  });
}

function jsonLine(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`, "utf8");
}

function legible(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

// By way of a second name, so that a reader sees all of the file or nothing of it.
function writeWhole(path: string, pieces: Iterable<string>): void {
  forWriting(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    const part = openSync(`${path}.part`, "w");
    try {
      for (const piece of pieces) writeFileSync(part, piece);
    } finally {
      closeSync(part);
    }
    renameSync(`${path}.part`, path);
  });
}
