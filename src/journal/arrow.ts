import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as Arrow from "apache-arrow";

const require = createRequire(import.meta.url);

/**
 * apache-arrow in one file, which the package ships for browsers: loaded in 14 ms by each thread that writes a journal, where its 146 modules
 * take 140.
 */
export const arrow = require(join(dirname(require.resolve("apache-arrow")), "Arrow.esnext.min.js")) as Pick<
  typeof Arrow,
  | "AsyncByteQueue"
  | "Field"
  | "Float64"
  | "Int32"
  | "Int64"
  | "makeData"
  | "RecordBatch"
  | "RecordBatchReader"
  | "RecordBatchStreamWriter"
  | "Schema"
  | "Struct"
  | "Uint8"
  | "Utf8"
>; // what is used of it, which the modules and this file have alike: the journal's tests read and write with both
