import type { Data } from "apache-arrow";
import { arrow } from "./arrow.ts";
import { writeWords } from "./int64.ts";

const { Float64, Int32, Int64, makeData, Uint8, Utf8 } = arrow;

/** One column of a batch while it is being filled. `data` leaves the rows as they are, so that a write that failed can be tried again. */
export interface Column {
  data(rows: number): Data;
}

export class Int32Column implements Column {
  private readonly values: Int32Array;

  constructor(capacity: number) {
    this.values = new Int32Array(capacity);
  }

  set(row: number, value: number): void {
    this.values[row] = value;
  }

  /** All of `from` to `end`, without that one. */
  fill(value: number, from: number, end: number): void {
    this.values.fill(value, from, end);
  }

  data(rows: number): Data {
    return makeData({ type: new Int32(), length: rows, nullCount: 0, data: this.values.subarray(0, rows) });
  }
}

export class ByteColumn implements Column {
  private readonly values: Uint8Array;

  constructor(capacity: number) {
    this.values = new Uint8Array(capacity);
  }

  set(row: number, value: number): void {
    this.values[row] = value;
  }

  /** All of `from` to `end`, without that one. */
  fill(value: number, from: number, end: number): void {
    this.values.fill(value, from, end);
  }

  data(rows: number): Data {
    return makeData({ type: new Uint8(), length: rows, nullCount: 0, data: this.values.subarray(0, rows) });
  }
}

/** Whole numbers below 2^53, kept as doubles until the batch is written: one store on the path where it matters. */
export class Int64Column implements Column {
  private readonly values: Float64Array;
  private readonly stored: BigInt64Array;

  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
    this.stored = new BigInt64Array(capacity);
  }

  set(row: number, value: number): void {
    this.values[row] = value;
  }

  /** All of `from` to `end`, without that one. */
  fill(value: number, from: number, end: number): void {
    this.values.fill(value, from, end);
  }

  data(rows: number): Data {
    writeWords(this.values, this.stored, rows);
    return makeData({ type: new Int64(), length: rows, nullCount: 0, data: this.stored.subarray(0, rows) });
  }
}

export class RealColumn implements Column {
  private readonly values: Float64Array;

  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
  }

  set(row: number, value: number): void {
    this.values[row] = value;
  }

  data(rows: number): Data {
    return makeData({ type: new Float64(), length: rows, nullCount: 0, data: this.values.subarray(0, rows) });
  }
}

/** Numbers of which some are missing: whole ones of 32 bits, or any. */
export class OptionalColumn implements Column {
  private readonly values: (number | undefined)[];
  private readonly kind: "int32" | "real";

  constructor(kind: "int32" | "real") {
    this.values = [];
    this.kind = kind;
  }

  set(row: number, value: number | undefined): void {
    this.values[row] = value;
  }

  data(rows: number): Data {
    const present = this.values.slice(0, rows);
    const numbers = present.map((value) => value ?? 0);
    const stored = { length: rows, ...presence(present) };
    return this.kind === "int32"
      ? makeData({ type: new Int32(), data: Int32Array.from(numbers), ...stored })
      : makeData({ type: new Float64(), data: Float64Array.from(numbers), ...stored });
  }
}

export class TextColumn implements Column {
  private readonly values: (string | undefined)[];

  constructor() {
    this.values = [];
  }

  set(row: number, value: string | undefined): void {
    this.values[row] = value;
  }

  data(rows: number): Data {
    const present = this.values.slice(0, rows);
    const valueOffsets = new Int32Array(rows + 1);
    const pieces: Buffer[] = [];
    let end = 0;
    for (let row = 0; row < rows;) {
      const [first, value] = [row, present[row]];
      const bytes = Buffer.from(value ?? "", "utf8");
      // Most rows hold what the row before holds: "completed", or nothing.
      do valueOffsets[++row] = end += bytes.length;
      while (row < rows && present[row] === value);
      pieces.push(row - first === 1 ? bytes : Buffer.alloc((row - first) * bytes.length, bytes));
    }
    return makeData({ type: new Utf8(), length: rows, valueOffsets, data: Buffer.concat(pieces, end), ...presence(present) });
  }
}

// Arrow's validity bitmap: one bit a row, least significant first, set where there is a value.
function presence(values: readonly unknown[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8));
  let nullCount = 0;
  for (let row = 0; row < values.length; row++) {
    if (values[row] === undefined) nullCount++;
    else nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7));
  }
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap };
}
