import type { Int32, Int64, RecordBatch, Uint8 } from "apache-arrow";
import type { ChunkColumns, Chunks } from "../model/record.ts";
import { stampCodes } from "../model/recorder.ts";
import type { Nanoseconds } from "../model/time.ts";
import { numberOf, wordsOf } from "./int64.ts";
import { valuesOf } from "./readTable.ts";

/** What was stamped of one exchange, on the run's clock moved by `start`. */
export interface ExchangeStamps {
  /** Of the last attempt, which is the one that was answered. */
  readonly sent: Nanoseconds | undefined;
  /** Of the first attempt, where it was not the last. */
  readonly firstSent: Nanoseconds | undefined;
  readonly reused: boolean | undefined;
  /** When the connection was open that the last attempt had to open. */
  readonly opened: Nanoseconds | undefined;
  readonly attempts: number;
  readonly headers: Nanoseconds | undefined;
  readonly chunks: Chunks;
}

// First codes of chunks; smaller ones are stamps of the exchange itself.
const FIRST_CHUNK = 10;

/** Stamps by exchange number. They lie in the journal in the order of time: a counting sort brings each exchange's together, without an object for each. */
export class StampsByExchange {
  private readonly ends: Int32Array;
  private readonly columns: ChunkColumns;
  private readonly sent: Float64Array;
  private readonly firstSent: Map<number, Nanoseconds>;
  private readonly reused: Uint8Array;
  private readonly opened: Map<number, Nanoseconds>;
  private readonly attempts: Int32Array;
  private readonly headers: Float64Array;

  /** `starts[exchange]` is taken from each of its stamps. Stamps of other exchanges are left out. */
  constructor(batches: readonly RecordBatch[], starts: Float64Array) {
    const exchanges = starts.length;
    this.ends = chunkCounts(batches, exchanges);
    const chunks = becomeOffsets(this.ends);
    this.columns = { at: new Float64Array(chunks), kind: new Uint8Array(chunks), tokens: new Int32Array(chunks) };
    this.sent = new Float64Array(exchanges);
    this.firstSent = new Map();
    this.reused = new Uint8Array(exchanges);
    this.opened = new Map();
    this.attempts = new Int32Array(exchanges);
    this.headers = new Float64Array(exchanges).fill(Number.NaN);
    for (const batch of batches) this.place(columnsOf(batch), starts);
  }

  of(exchange: number): ExchangeStamps {
    const from = this.ends[exchange - 1] ?? 0;
    const to = this.ends[exchange] ?? from;
    const attempts = this.attempts[exchange] ?? 0;
    const headers = this.headers[exchange] ?? Number.NaN;
    return {
      attempts,
      sent: attempts > 0 ? this.sent[exchange] : undefined,
      firstSent: this.firstSent.get(exchange),
      reused: attempts > 0 ? this.reused[exchange] === 1 : undefined,
      opened: this.opened.get(exchange),
      headers: Number.isNaN(headers) ? undefined : headers,
      chunks: { columns: this.columns, from, to },
    };
  }

  private place(columns: StampColumns, starts: Float64Array): void {
    const { exchange, kind, tokens } = columns;
    for (let row = 0; row < exchange.length;) {
      const of = exchange[row] ?? -1;
      const start = starts[of];
      const code = kind[row] ?? 0;
      if (start !== undefined && code >= FIRST_CHUNK) {
        row = this.placeChunks(of, start, columns, row);
      } else {
        if (start !== undefined) this.placeOwn(of, code, momentAt(columns, row) - start, tokens[row] ?? 0);
        row++;
      }
    }
  }

  // Those from a row on that are of one exchange, many where they came in one read; returns the row behind them. Before this, `ends[exchange]` is
  // where its chunks begin; those placed move it on, to where they end.
  private placeChunks(of: number, start: Nanoseconds, columns: StampColumns, from: number): number {
    const { exchange, kind, tokens } = columns;
    const placed = this.columns;
    let [row, place] = [from, this.ends[of] ?? 0];
    for (; exchange[row] === of && (kind[row] ?? 0) >= FIRST_CHUNK; row++, place++) {
      placed.at[place] = momentAt(columns, row) - start;
      placed.kind[place] = kind[row] ?? 0;
      placed.tokens[place] = tokens[row] ?? 0;
    }
    this.ends[of] = place;
    return row;
  }

  private placeOwn(exchange: number, code: number, moment: Nanoseconds, tokens: number): void {
    if (code === stampCodes.headers) this.headers[exchange] = moment;
    if (code === stampCodes.opened) this.opened.set(exchange, moment);
    if (code !== stampCodes.sent) return;
    const before = this.attempts[exchange] ?? 0;
    if (before === 1) this.firstSent.set(exchange, this.sent[exchange] ?? moment);
    this.sent[exchange] = moment;
    this.reused[exchange] = tokens;
    this.attempts[exchange] = before + 1;
  }
}

interface StampColumns {
  readonly exchange: Int32Array;
  readonly kind: Uint8Array;
  /** When, as words. */
  readonly at: ReturnType<typeof wordsOf>;
  readonly tokens: Int32Array;
}

function momentAt({ at: { low, high } }: StampColumns, row: number): Nanoseconds {
  return numberOf(low[2 * row] ?? 0, high[2 * row + 1] ?? 0);
}

function columnsOf(batch: RecordBatch): StampColumns {
  return {
    exchange: valuesOf<Int32>(batch, "exchange"),
    kind: valuesOf<Uint8>(batch, "kind"),
    at: wordsOf(valuesOf<Int64>(batch, "at")),
    tokens: valuesOf<Int32>(batch, "tokens"),
  };
}

function chunkCounts(batches: readonly RecordBatch[], exchanges: number): Int32Array {
  const counts = new Int32Array(exchanges);
  for (const batch of batches) {
    const exchange = valuesOf<Int32>(batch, "exchange");
    const kind = valuesOf<Uint8>(batch, "kind");
    for (let row = 0; row < exchange.length; row++) {
      const of = exchange[row] ?? exchanges;
      if (of < exchanges && (kind[row] ?? 0) >= FIRST_CHUNK) counts[of] = (counts[of] ?? 0) + 1;
    }
  }
  return counts;
}

/** Counts become where each one's first lies; returns how many there are in all. */
function becomeOffsets(counts: Int32Array): number {
  let offset = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    counts[i] = offset;
    offset += count;
  }
  return offset;
}
