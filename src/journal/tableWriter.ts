import type { RecordBatch, RecordBatchStreamWriter, Schema } from "apache-arrow";
import { arrow } from "./arrow.ts";
import { AppendFile } from "./appendFile.ts";
import type { Column } from "./columns.ts";

/** One table on its way to its file: rows are set column by column and leave as one Arrow record batch at each flush. */
export class TableWriter<Columns extends Readonly<Record<string, Column>>> {
  readonly columns: Columns;
  private readonly schema: Schema;
  private readonly capacity: number;
  private readonly file: AppendFile;
  private readonly encoded: EncodedPieces;
  private readonly encoder: RecordBatchStreamWriter;
  private rows: number;

  /** `columns` in the schema's order, each with room for `capacity` rows. */
  constructor(path: string, schema: Schema, capacity: number, columns: Columns) {
    this.columns = columns;
    this.schema = schema;
    this.capacity = capacity;
    this.file = new AppendFile(path);
    this.encoded = new EncodedPieces();
    this.encoder = new arrow.RecordBatchStreamWriter();
    this.encoder.reset(this.encoded, schema);
    this.file.append(this.encoded.take());
    this.rows = 0;
    this.warmUp();
  }

  get isFull(): boolean {
    return this.rows === this.capacity;
  }

  /** How many rows there still are. */
  get room(): number {
    return this.capacity - this.rows;
  }

  /** Whether its file was removed by somebody. */
  get isRemoved(): boolean {
    return this.file.isRemoved;
  }

  /** Takes the next row; its columns are set right after. Not when full. */
  nextRow(): number {
    return this.rows++;
  }

  /** Likewise so many of them, no more than there is room for: the first, and the one after the last. */
  nextRows(count: number): readonly [first: number, end: number] {
    const first = this.rows;
    this.rows += count;
    return [first, this.rows];
  }

  /** Rows that could not be written stay, for the next flush. */
  flush(): void {
    if (this.rows === 0) return;
    this.encoder.write(this.batch());
    this.file.append(this.encoded.take());
    this.rows = 0;
  }

  /** Says that the table ended here and was not cut off. */
  close(): void {
    try {
      this.encoder.finish();
      this.file.append(this.encoded.take());
    } finally {
      this.file.close();
    }
  }

  // The encoder's first batch takes 5 ms, later ones under 1: better now, while nobody waits, than amid the load.
  private warmUp(): void {
    this.encoder.write(this.batch());
    this.encoded.take();
  }

  private batch(): RecordBatch {
    const children = Object.values(this.columns).map((column) => column.data(this.rows));
    return new arrow.RecordBatch(
      this.schema,
      arrow.makeData({ type: new arrow.Struct(this.schema.fields), length: this.rows, nullCount: 0, children }),
    );
  }
}

// Where the encoder puts its bytes: they are wanted at once, not through the promises of its own queue.
class EncodedPieces extends arrow.AsyncByteQueue {
  private pieces: Uint8Array[];

  constructor() {
    super();
    this.pieces = [];
  }

  override write(piece: Uint8Array): void {
    this.pieces.push(piece);
  }

  take(): Uint8Array {
    const whole = Buffer.concat(this.pieces);
    this.pieces = [];
    return whole;
  }
}
