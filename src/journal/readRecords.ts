import type { Int32, Int64, RecordBatch, Utf8, Vector } from "apache-arrow";
import type { Ending, TokenSource } from "../model/exchange.ts";
import { HarnessError } from "../model/harnessError.ts";
import { dropped, failed, type FailureCode, type Outcome } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import { cacheState } from "../model/request.ts";
import type { ExperimentDescription, TestDescription } from "../model/result.ts";
import type { Nanoseconds } from "../model/time.ts";
import { numbersOf } from "./int64.ts";
import { tableFile, workloadFile } from "./paths.ts";
import { readBatches, valuesOf } from "./readTable.ts";
import { StampsByExchange } from "./stamps.ts";
import { readStoredWorkload, type StoredRequest } from "./workloadFile.ts";

export interface JournalRecord {
  /** What the record's times count from, on the run's clock. */
  readonly start: Nanoseconds;
  readonly record: RequestRecord;
}

/** The records of each experiment: by block, then in the order in which they fell due. */
export async function readRecords(
  test: string,
  workers: readonly number[],
  description: TestDescription,
): Promise<readonly JournalRecord[][]> {
  const records: JournalRecord[][] = [];
  const sent = new SentRequests(test, description.experiments);
  for (const worker of workers) {
    for (const found of await recordsOfWorker(test, worker, sent)) (records[found.record.experiment] ??= []).push(found);
  }
  const engines = description.engines.map(({ name }) => name);
  for (const ofExperiment of records) ofExperiment?.sort(byBlockAndDue(engines));
  return records;
}

async function recordsOfWorker(test: string, worker: number, sent: SentRequests): Promise<readonly JournalRecord[]> {
  const exchanges = (await readBatches(tableFile(test, "exchanges", worker))).flatMap(exchangesIn);
  const starts = Float64Array.from(exchanges, ({ start }) => start);
  const stamps = new StampsByExchange(await readBatches(tableFile(test, "stamps", worker)), starts);
  const endings = endingsByExchange(await readBatches(tableFile(test, "endings", worker)));
  for (const exchange of exchanges) if (!sent.has(exchange)) await sent.load(exchange);
  return exchanges.map((exchange, number) => ({
    start: exchange.start,
    record: recordOf(exchange, stamps, number, endings.get(number), sent.by(exchange)),
  }));
}

/** A row of `exchanges`. Its number is its position: a worker numbers them as it writes them. */
interface ExchangeRow {
  readonly experiment: number;
  readonly block: number;
  readonly engine: string;
  readonly request: number;
  readonly start: Nanoseconds;
  readonly due: Nanoseconds;
}

function exchangesIn(batch: RecordBatch): readonly ExchangeRow[] {
  const experiments = valuesOf<Int32>(batch, "experiment");
  const blocks = valuesOf<Int32>(batch, "block");
  const engines = batch.getChild("engine");
  const requests = valuesOf<Int32>(batch, "request");
  const starts = numbersOf(valuesOf<Int64>(batch, "start"));
  const dues = numbersOf(valuesOf<Int64>(batch, "due"));
  return Array.from(dues, (due, row) => ({
    experiment: experiments[row] ?? 0,
    block: blocks[row] ?? 0,
    engine: String(engines?.get(row)),
    request: requests[row] ?? 0,
    start: starts[row] ?? 0,
    due,
  }));
}

interface EndingRow extends Ending {
  readonly at: Nanoseconds;
}

function endingsByExchange(batches: readonly RecordBatch[]): ReadonlyMap<number, EndingRow> {
  const endings = new Map<number, EndingRow>();
  for (const batch of batches) {
    const exchanges = valuesOf<Int32>(batch, "exchange");
    const ending = endingsIn(batch);
    for (let row = 0; row < exchanges.length; row++) endings.set(exchanges[row] ?? 0, ending(row));
  }
  return endings;
}

function endingsIn(batch: RecordBatch): (row: number) => EndingRow {
  const at = numbersOf(valuesOf<Int64>(batch, "at"));
  const [outcome, code, message, source, text] = ["outcome", "code", "message", "output_tokens_source", "text"].map(textsIn(batch));
  const [status, promptTokens, cachedTokens, outputTokens] = ["status", "prompt_tokens", "cached_tokens", "output_tokens"].map(
    countsIn(batch),
  );
  return (row) => ({
    at: at[row] ?? 0,
    outcome: outcomeOf(outcome?.(row), code?.(row), message?.(row)),
    ...known({
      status: status?.(row),
      promptTokens: promptTokens?.(row),
      cachedTokens: cachedTokens?.(row),
      outputTokens: outputTokens?.(row),
      outputTokensSource: source?.(row) as TokenSource | undefined, // written from an Ending
      text: text?.(row),
    }),
  });
}

function textsIn(batch: RecordBatch): (column: string) => (row: number) => string | undefined {
  return (column) => {
    const texts = batch.getChild<string>(column) as Vector<Utf8> | null; // see tables.ts
    return (row) => texts?.get(row) ?? undefined;
  };
}

function countsIn(batch: RecordBatch): (column: string) => (row: number) => number | undefined {
  return (column) => {
    const counts = batch.getChild<string>(column) as Vector<Int32> | null; // see tables.ts
    return (row) => counts?.get(row) ?? undefined;
  };
}

function outcomeOf(kind: string | undefined, code = "", message = ""): Outcome {
  switch (kind) {
    case "completed":
    case "cancelled":
      return { kind };
    case "dropped":
      return dropped(message);
    case "failed":
      return failed(code as FailureCode, message); // written from an Outcome
    default:
      throw new HarnessError("journal", `the journal has an outcome ${kind} that this version of tandem does not know`);
  }
}

function recordOf(
  { experiment, block, engine, request, start, due }: ExchangeRow,
  stamps: StampsByExchange,
  exchange: number,
  ending: EndingRow | undefined,
  stored: StoredRequest,
): RequestRecord {
  const { contextTokens, questionTokens, reusableTokens, maxOutputTokens } = stored;
  const { attempts, chunks, ...stamped } = stamps.of(exchange);
  const { at, outcome, ...told } = ending ?? { at: undefined, outcome: cutOff };
  const cache = cacheState({ reusableTokens, contextTokens });
  const ended = at === undefined ? undefined : at - start;
  const after = stored.arrival.kind === "after" ? stored.arrival.request : undefined;
  return {
    experiment,
    block,
    engine,
    request,
    due,
    attempts,
    chunks,
    outcome,
    contextTokens,
    questionTokens,
    reusableTokens,
    maxOutputTokens,
    cache,
    ...known({ ...stamped, after, ended }),
    ...told,
  };
}

/** Of a request that was under way when the run was cut off: nobody knows how it would have ended. */
const cutOff: Outcome = { kind: "cancelled" };

/** Requests as the workload files have them, each file read once and only where something was sent. */
class SentRequests {
  private readonly test: string;
  private readonly experiments: readonly ExperimentDescription[];
  /** By experiment, then by the block whose file it is. */
  private readonly workloads: (readonly StoredRequest[])[][];

  constructor(test: string, experiments: readonly ExperimentDescription[]) {
    this.test = test;
    this.experiments = experiments;
    this.workloads = [];
  }

  has(row: ExchangeRow): boolean {
    return this.workloads[row.experiment]?.[this.fileOf(row)] !== undefined;
  }

  async load(row: ExchangeRow): Promise<void> {
    const { requests } = await readStoredWorkload(this.test, row.experiment, this.fileOf(row));
    (this.workloads[row.experiment] ??= [])[this.fileOf(row)] = requests;
  }

  by(row: ExchangeRow): StoredRequest {
    const file = this.fileOf(row);
    const found = this.workloads[row.experiment]?.[file]?.[row.request];
    if (found !== undefined) return file === row.block ? found : this.again(found, row);
    throw new HarnessError("journal", `${workloadFile(this.test, row.experiment, file)} has no request ${row.request}, but one was sent`, {
      hint: "the files are not of one run",
    });
  }

  private fileOf({ experiment, block }: ExchangeRow): number {
    const withFiles = this.experiments[experiment]?.workload.laterBlocks?.length ?? 0;
    return block <= withFiles ? block : 0;
  }

  /** The prompt of the first block once more, to caches that still had it unless they were emptied. */
  private again(stored: StoredRequest, { experiment }: ExchangeRow): StoredRequest {
    if (this.experiments[experiment]?.cacheState === "cold") return stored;
    return { ...stored, reusableTokens: stored.contextTokens + stored.questionTokens };
  }
}

function byBlockAndDue(engines: readonly string[]): (a: JournalRecord, b: JournalRecord) => number {
  const place = new Map(engines.map((name, i) => [name, i]));
  const placeOf = ({ engine }: RequestRecord) => place.get(engine) ?? engines.length;
  return ({ record: a, start: startA }, { record: b, start: startB }) =>
    a.block - b.block || startA + a.due - (startB + b.due) || placeOf(a) - placeOf(b) || a.request - b.request;
}

type Known<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The fields that have a value. A loop, since there may be a million records. */
function known<Fields extends object>(fields: Fields): Known<Fields> {
  const found: Partial<Fields> = {};
  for (const name of Object.keys(fields) as (keyof Fields)[]) if (fields[name] !== undefined) found[name] = fields[name];
  return found as Known<Fields>; // no value in it is undefined
}
