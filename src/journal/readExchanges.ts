import type { Float64, Int32, Int64, RecordBatch, Utf8, Vector } from "apache-arrow";
import type { Ending, TokenSource } from "../model/exchange.ts";
import { HarnessError } from "../model/harnessError.ts";
import { dropped, failed, type FailureCode, type Outcome } from "../model/outcome.ts";
import type { Nanoseconds } from "../model/time.ts";
import { numbersOf } from "./int64.ts";
import { tableFile } from "./paths.ts";
import { readBatches, valuesOf } from "./readTable.ts";

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

export interface EndingRow extends Known<Omit<Ending, "outcome">> {
  readonly at: Nanoseconds;
  readonly outcome: Outcome;
}

/** By exchange. */
export async function endingsOf(test: string, worker: number): Promise<ReadonlyMap<number, EndingRow>> {
  const endings = new Map<number, EndingRow>();
  for (const batch of await readBatches(tableFile(test, "endings", worker))) {
    const exchanges = valuesOf<Int32>(batch, "exchange");
    const ending = endingsIn(batch);
    for (let row = 0; row < exchanges.length; row++) endings.set(exchanges[row] ?? 0, ending(row));
  }
  return endings;
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
  const [outcome, code, message, source, text, aside] = ["outcome", "code", "message", "output_tokens_source", "text", "aside"].map(
    textsIn(batch),
  );
  const counts = ["status", "prompt_tokens", "cached_tokens", "output_tokens", "impossible_tokens", "impossible_cached_tokens"];
  const [status, promptTokens, cachedTokens, outputTokens, impossibleTokens, impossibleCachedTokens] = counts.map(countsIn(batch));
  return (row) => ({
    at: at[row] ?? 0,
    outcome: outcomeOf(outcome?.(row), code?.(row), message?.(row)),
    ...known({
      status: status?.(row),
      promptTokens: promptTokens?.(row),
      cachedTokens: cachedTokens?.(row),
      outputTokens: outputTokens?.(row),
      outputTokensSource: source?.(row) as TokenSource | undefined, // written from an Ending
      impossibleTokens: impossibleTokens?.(row),
      impossibleCachedTokens: impossibleCachedTokens?.(row),
      text: text?.(row),
      aside: aside?.(row),
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
    const counts = batch.getChild<string>(column) as Vector<Int32 | Float64> | null; // see tables.ts
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

type Known<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The fields that have a value. A loop, since there may be a million records. */
export function known<Fields extends object>(fields: Fields): Known<Fields> {
  const found: Partial<Fields> = {};
  for (const name of Object.keys(fields) as (keyof Fields)[]) if (fields[name] !== undefined) found[name] = fields[name];
  return found as Known<Fields>; // no value in it is undefined
}
