import { open, type FileHandle } from "node:fs/promises";
import type { Data, DataType, Float64, Int32, Int64, RecordBatch, RecordBatchStreamReader, Schema, Uint8, Utf8 } from "apache-arrow";
import { HarnessError } from "../model/harnessError.ts";
import { arrow } from "./arrow.ts";
import { schemaVersion } from "./tables.ts";

const LARGEST_PIECE = 1 << 30;

/** Every whole batch of a table. A missing file has none; what follows the point where a run was cut off is left out. */
export async function readBatches(path: string): Promise<readonly RecordBatch[]> {
  const bytes = await contentOf(path);
  if (bytes === undefined) return [];
  checkBeginning(bytes, path);
  return wholeBatches(bytes, path);
}

/** The values of a column of one batch, as Arrow has them in memory. The caller knows the type from `tables.ts`. */
export function valuesOf<Type extends Int32 | Int64 | Uint8 | Float64>(batch: RecordBatch, column: string): Type["TArray"] {
  const data = columnOf(batch, column);
  if (data === undefined) throw new HarnessError("journal", `a batch of the journal has no column ${column}`, { hint: otherVersion });
  const values = data.values as Type["TArray"]; // the schema's version was checked when the file was opened
  return values.subarray(0, batch.numRows); // Arrow pads buffers to 8 bytes, and shows the padding as values
}

/** What a column of texts has in a row; undefined where it has none, and in all rows where there is no such column. */
export function textsIn(batch: RecordBatch, column: string): (row: number) => string | undefined {
  const data = dataOf<Utf8>(batch, column);
  if (data === undefined) return () => undefined;
  const { values, valueOffsets } = data;
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  // Most rows hold what the row before holds: it is one string then, which is compared and kept for nothing.
  let last = { text: "", from: 0, to: 0 };
  return (row) => {
    if (!data.getValid(row)) return undefined;
    const [from = 0, to = 0] = [valueOffsets[row], valueOffsets[row + 1]];
    if (!isAlike(bytes, last, from, to)) last = { text: bytes.toString("utf8", from, to), from, to };
    return last.text;
  };
}

function isAlike(bytes: Buffer, last: { readonly from: number; readonly to: number }, from: number, to: number): boolean {
  if (to - from !== last.to - last.from) return false;
  let place = 0;
  while (place < to - from && bytes[from + place] === bytes[last.from + place]) place++;
  return place === to - from;
}

/** What a column of numbers has in a row; undefined where it has none, and in all rows where there is no such column. */
export function numbersIn(batch: RecordBatch, column: string): (row: number) => number | undefined {
  const data = dataOf<Int32 | Float64>(batch, column);
  return data === undefined ? () => undefined : (row) => (data.getValid(row) ? data.values[row] : undefined);
}

/** Undefined where no row has a value. */
function dataOf<Type extends DataType>(batch: RecordBatch, column: string): Data<Type> | undefined {
  const data = columnOf(batch, column) as Data<Type> | undefined; // the caller knows the type from `tables.ts`
  return data === undefined || data.nullCount === data.length ? undefined : data;
}

/** Without a Vector around it, which is made to be asked row by row, and of small batches takes longer than their rows do. */
function columnOf({ schema, data }: RecordBatch, column: string): Data | undefined {
  return data.children[schema.fields.findIndex(({ name }) => name === column)];
}

/** Whether a table has the mark with which whoever writes it ends it; false of a file that is not there. */
export async function isEnded(path: string): Promise<boolean> {
  try {
    await using file = await open(path);
    const mark = Buffer.alloc(endMark.length);
    const { size } = await file.stat();
    const { bytesRead } = await file.read(mark, 0, mark.length, Math.max(0, size - mark.length));
    return bytesRead === mark.length && mark.equals(endMark);
  } catch {
    return false;
  }
}

// End of stream, in Arrow's IPC format: the beginning of a message, and its length, 0.
const endMark = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);

/** What a table holds in memory is its file: its columns are views of these bytes. Undefined where there is no such file. */
async function contentOf(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path);
    return await bytesOf(file);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new HarnessError("journal", `${path} cannot be read`, { cause });
  }
}

/** In pieces: one read gives no more than 2 GiB, and of a run that goes on the file may grow meanwhile. */
async function bytesOf(file: FileHandle): Promise<Uint8Array> {
  const bytes = new Uint8Array((await file.stat()).size);
  let end = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, end, Math.min(bytes.length - end, LARGEST_PIECE), end);
    if (bytesRead === 0) return bytes.subarray(0, end);
    end += bytesRead;
  }
}

/** Every message of an Arrow stream begins with four bytes of 255; a file that was cut off before has nothing to say. */
function checkBeginning(bytes: Uint8Array, path: string): void {
  if (bytes.subarray(0, 4).every((byte) => byte === 255)) return;
  throw new HarnessError("journal", `${path} is not an Arrow stream`, { hint: otherVersion });
}

function wholeBatches(bytes: Uint8Array, path: string): readonly RecordBatch[] {
  const batches: RecordBatch[] = [];
  const reader = openedReader(bytes);
  if (reader?.schema === undefined) return batches;
  checkVersion(reader.schema, path);
  try {
    for (const batch of reader) batches.push(batch);
  } catch {
    // The last batch was cut off by a kill or a full disk; everything before it is whole.
  }
  return batches;
}

/** Undefined when the file was cut off within its first message: there is no row yet. */
function openedReader(bytes: Uint8Array): RecordBatchStreamReader | undefined {
  try {
    return arrow.RecordBatchReader.from(bytes).open();
  } catch {
    return undefined;
  }
}

const otherVersion = "it was written by another version of tandem: read it with the version named in run.json";

function checkVersion(schema: Schema, path: string): void {
  const version = schema.metadata.get("tandem.schema");
  if (version === schemaVersion) return;
  const found = version === undefined ? "is not part of a journal of tandem" : `has journal version ${version}`;
  throw new HarnessError("journal", `${path} ${found}; this tandem reads version ${schemaVersion}`, { hint: otherVersion });
}
