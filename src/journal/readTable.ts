import { open, type FileHandle } from "node:fs/promises";
import type { Float64, Int32, Int64, RecordBatch, RecordBatchReader, Schema, Uint8 } from "apache-arrow";
import { HarnessError } from "../model/harnessError.ts";
import { arrow } from "./arrow.ts";
import { schemaVersion } from "./tables.ts";

/** Every whole batch of a table. A missing file has none; what follows the point where a run was cut off is left out. */
export async function readBatches(path: string): Promise<readonly RecordBatch[]> {
  const file = await openFile(path);
  if (file === undefined) return [];
  try {
    await checkBeginning(file, path);
    return await wholeBatches(file, path);
  } finally {
    await file.close();
  }
}

/** The values of a column of one batch, as Arrow has them in memory. The caller knows the type from `tables.ts`. */
export function valuesOf<Type extends Int32 | Int64 | Uint8 | Float64>(batch: RecordBatch, column: string): Type["TArray"] {
  const [data] = batch.getChild(column)?.data ?? [];
  if (data === undefined) throw new HarnessError("journal", `a batch of the journal has no column ${column}`, { hint: otherVersion });
  const values = data.values as Type["TArray"]; // the schema's version was checked when the file was opened
  return values.subarray(0, batch.numRows); // Arrow pads buffers to 8 bytes, and shows the padding as values
}

async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new HarnessError("journal", `${path} cannot be read`, { cause });
  }
}

/** Every message of an Arrow stream begins with four bytes of 255; a file that was cut off before has nothing to say. */
async function checkBeginning(file: FileHandle, path: string): Promise<void> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(4), 0, 4, 0);
  if (buffer.subarray(0, bytesRead).every((byte) => byte === 255)) return;
  throw new HarnessError("journal", `${path} is not an Arrow stream`, { hint: otherVersion });
}

async function wholeBatches(file: FileHandle, path: string): Promise<readonly RecordBatch[]> {
  const batches: RecordBatch[] = [];
  const reader = await openedReader(file);
  if (reader?.schema === undefined) return batches;
  checkVersion(reader.schema, path);
  try {
    for await (const batch of reader) batches.push(batch);
  } catch {
    // The last batch was cut off by a kill or a full disk; everything before it is whole.
  }
  return batches;
}

/** Undefined when the file was cut off within its first message: there is no row yet. */
async function openedReader(file: FileHandle): Promise<RecordBatchReader | undefined> {
  try {
    const reader = await arrow.RecordBatchReader.from(file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 }));
    return await reader.open();
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
