import { HarnessError } from "../model/harnessError.ts";
import type { Outcome } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import { cacheState } from "../model/request.ts";
import type { ExperimentDescription, TestDescription } from "../model/result.ts";
import type { Nanoseconds } from "../model/time.ts";
import { tableFile, workloadFile } from "./paths.ts";
import { countsOf, endingsOf, exchangesOf, known, type EndingRow, type ExchangeRow } from "./readExchanges.ts";
import { readBatches } from "./readTable.ts";
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
  // Stamps are most of what there is to read: the rest is made of its bytes meanwhile.
  const [stampBatches, exchanges, endings, counts] = await Promise.all([
    readBatches(tableFile(test, "stamps", worker)),
    sentExchangesOf(test, worker, sent),
    endingsOf(test, worker),
    countsOf(test, worker),
  ]);
  const stamps = new StampsByExchange(
    stampBatches,
    Float64Array.from(exchanges, ({ start }) => start),
  );
  return exchanges.map((exchange, number) => ({
    start: exchange.start,
    record: recordOf(exchange, stamps, number, withCount(endings(number), counts.get(number)), sent.by(exchange)),
  }));
}

/** Their requests are read too. */
async function sentExchangesOf(test: string, worker: number, sent: SentRequests): Promise<readonly ExchangeRow[]> {
  const exchanges = await exchangesOf(test, worker);
  for (const exchange of exchanges) if (!sent.has(exchange)) await sent.load(exchange);
  return exchanges;
}

/** What the tokenizer made of a whole reply goes before what its events were counted as, and behind the server's own usage. */
function withCount(ending: EndingRow | undefined, countedTokens: number | undefined): EndedRow | undefined {
  if (ending === undefined || countedTokens === undefined) return ending;
  if (ending.outputTokensSource === "usage") return { ...ending, countedTokens };
  return { ...ending, countedTokens, outputTokens: countedTokens, outputTokensSource: "tokenizer" };
}

type EndedRow = EndingRow & Pick<RequestRecord, "countedTokens">;

function recordOf(
  { experiment, block, engine, request, start, due }: ExchangeRow,
  stamps: StampsByExchange,
  exchange: number,
  ending: EndedRow | undefined,
  stored: SentRequest,
): RequestRecord {
  const { contextTokens, questionTokens, reusableTokens, maxOutputTokens, after } = stored;
  const { attempts, chunks, sent, firstSent, reused, opened, headers } = stamps.of(exchange);
  const { at, outcome, aside: _aside, ...told } = ending ?? { at: undefined, outcome: cutOff, aside: undefined };
  const cache = cacheState({ reusableTokens, contextTokens });
  const ended = at === undefined ? undefined : at - start;
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
    ...known({ sent, firstSent, reused, opened, headers, after, ended }),
    ...told,
  };
}

/** Of a request that was under way when the run was cut off: nobody knows how it would have ended. */
const cutOff: Outcome = { kind: "cancelled" };

/** What records tell of a request as the workload file has it: its messages, which are most of that, are let go as it is read. */
interface SentRequest extends Pick<StoredRequest, "contextTokens" | "questionTokens" | "reusableTokens" | "maxOutputTokens"> {
  readonly after: number | undefined;
}

function sentRequest({ arrival, contextTokens, questionTokens, reusableTokens, maxOutputTokens }: StoredRequest): SentRequest {
  const after = arrival.kind === "after" ? arrival.request : undefined;
  return { after, contextTokens, questionTokens, reusableTokens, maxOutputTokens };
}

/** Each workload file is read once, and only where something was sent. */
class SentRequests {
  private readonly test: string;
  private readonly experiments: readonly ExperimentDescription[];
  /** By experiment, then by the block whose file it is. */
  private readonly workloads: (readonly SentRequest[])[][];

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
    (this.workloads[row.experiment] ??= [])[this.fileOf(row)] = Array.from(requests, sentRequest);
  }

  by(row: ExchangeRow): SentRequest {
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
  private again(stored: SentRequest, { experiment }: ExchangeRow): SentRequest {
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
