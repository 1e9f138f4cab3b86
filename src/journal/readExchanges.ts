import type { Int32, Int64, RecordBatch } from "apache-arrow";
import type { Ending, TokenSource } from "../model/exchange.ts";
import { HarnessError } from "../model/harnessError.ts";
import { completed, dropped, failed, type FailureCode, type Outcome } from "../model/outcome.ts";
import type { Nanoseconds } from "../model/time.ts";
import { numbersOf } from "./int64.ts";
import { tableFile } from "./paths.ts";
import { numbersIn, readBatches, textsIn, valuesOf } from "./readTable.ts";

/** A row of `exchanges`. Its number is its position: a worker numbers them as it writes them. */
export interface ExchangeRow {
  readonly experiment: number;
  readonly block: number;
  readonly engine: string;
  readonly request: number;
  readonly start: Nanoseconds;
  readonly due: Nanoseconds;
}

/** In the order of their numbers. */
export async function exchangesOf(test: string, worker: number): Promise<readonly ExchangeRow[]> {
  return (await readBatches(tableFile(test, "exchanges", worker))).flatMap(exchangesIn);
}

function exchangesIn(batch: RecordBatch): readonly ExchangeRow[] {
  const experiments = valuesOf<Int32>(batch, "experiment");
  const blocks = valuesOf<Int32>(batch, "block");
  const engine = textsIn(batch, "engine");
  const requests = valuesOf<Int32>(batch, "request");
  const starts = numbersOf(valuesOf<Int64>(batch, "start"));
  const dues = numbersOf(valuesOf<Int64>(batch, "due"));
  return Array.from(dues, (due, row) => ({
    experiment: experiments[row] ?? 0,
    block: blocks[row] ?? 0,
    engine: engine(row) ?? "",
    request: requests[row] ?? 0,
    start: starts[row] ?? 0,
    due,
  }));
}

export interface EndingRow extends Known<Omit<Ending, "outcome">> {
  readonly at: Nanoseconds;
  readonly outcome: Outcome;
}

/** By exchange. Each is made as it is asked for: a million that wait for it would be moved by the garbage collector again and again. */
export async function endingsOf(test: string, worker: number): Promise<(exchange: number) => EndingRow | undefined> {
  const rows: ((row: number) => EndingRow)[] = [];
  // Where each exchange's lies: in which batch, and in which row of it.
  const [batches, places] = [[] as number[], [] as number[]];
  for (const batch of await readBatches(tableFile(test, "endings", worker))) {
    const exchanges = valuesOf<Int32>(batch, "exchange");
    for (let row = 0; row < exchanges.length; row++) {
      batches[exchanges[row] ?? 0] = rows.length;
      places[exchanges[row] ?? 0] = row;
    }
    rows.push(endingsIn(batch));
  }
  return (exchange) => rows[batches[exchange] ?? -1]?.(places[exchange] ?? 0);
}

/** What a tokenizer made of whole replies, by exchange; none in a run that was cut off before it was asked. */
export async function countsOf(test: string, worker: number): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (const batch of await readBatches(tableFile(test, "counts", worker))) {
    const tokens = valuesOf<Int32>(batch, "tokens");
    for (const [row, exchange] of valuesOf<Int32>(batch, "exchange").entries()) counts.set(exchange, tokens[row] ?? 0);
  }
  return counts;
}

function endingsIn(batch: RecordBatch): (row: number) => EndingRow {
  const at = numbersOf(valuesOf<Int64>(batch, "at"));
  const texts = (column: string) => textsIn(batch, column);
  const counts = (column: string) => numbersIn(batch, column);
  const [outcome, code, message, source] = [texts("outcome"), texts("code"), texts("message"), texts("output_tokens_source")];
  const [text, aside] = [texts("text"), texts("aside")];
  const [status, promptTokens, cachedTokens] = [counts("status"), counts("prompt_tokens"), counts("cached_tokens")];
  const [outputTokens, impossibleTokens] = [counts("output_tokens"), counts("impossible_tokens")];
  const impossibleCachedTokens = counts("impossible_cached_tokens");
  return (row) => ({
    at: at[row] ?? 0,
    outcome: outcomeOf(outcome(row), code(row), message(row)),
    ...known({
      status: status(row),
      promptTokens: promptTokens(row),
      cachedTokens: cachedTokens(row),
      outputTokens: outputTokens(row),
      outputTokensSource: source(row) as TokenSource | undefined, // written from an Ending
      impossibleTokens: impossibleTokens(row),
      impossibleCachedTokens: impossibleCachedTokens(row),
      text: text(row),
      aside: aside(row),
    }),
  });
}

function outcomeOf(kind: string | undefined, code = "", message = ""): Outcome {
  switch (kind) {
    case "completed":
      return completed;
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

type Known<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The fields that have a value. A loop, since there may be a million records. */
export function known<Fields extends object>(fields: Fields): Known<Fields> {
  const found: Partial<Fields> = {};
  for (const name in fields) if (fields[name] !== undefined) found[name] = fields[name];
  return found as Known<Fields>; // no value in it is undefined
}
