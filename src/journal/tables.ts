import type { DataType, Schema } from "apache-arrow";
import { arrow } from "./arrow.ts";
import { stampCodes } from "../model/recorder.ts";

const { Field, Float64, Int32, Int64, Uint8, Utf8 } = arrow;

/** Of the tables below. Raised when a reader of the old ones would misread the new ones. */
export const schemaVersion = "1";

/** Every request that fell due. `due` counts from `start`, which is on the run's clock, as is every `at`; all in nanoseconds. */
export const exchangesSchema = schemaOf({
  exchange: new Int32(),
  experiment: new Int32(),
  block: new Int32(),
  engine: new Utf8(),
  request: new Int32(),
  start: new Int64(),
  due: new Int64(),
});

/** Every stamp of every exchange, in the order in which they were taken. */
export const stampsSchema = schemaOf(
  { exchange: new Int32(), kind: new Uint8(), at: new Int64(), tokens: new Int32() },
  { "tandem.stampCodes": JSON.stringify(stampCodes) },
);

const optional = { nullable: true };

/** How each exchange ended. */
export const endingsSchema = schemaOf({
  exchange: new Int32(),
  at: new Int64(),
  outcome: new Utf8(),
  code: { type: new Utf8(), ...optional },
  message: { type: new Utf8(), ...optional },
  status: { type: new Int32(), ...optional },
  prompt_tokens: { type: new Int32(), ...optional },
  cached_tokens: { type: new Int32(), ...optional },
  output_tokens: { type: new Int32(), ...optional },
  output_tokens_source: { type: new Utf8(), ...optional },
  impossible_tokens: { type: new Float64(), ...optional },
  impossible_cached_tokens: { type: new Float64(), ...optional },
  text: { type: new Utf8(), ...optional },
  aside: { type: new Utf8(), ...optional },
});

/** How many tokens an engine's tokenizer made of whole replies: asked, and written, after their experiment. */
export const countsSchema = schemaOf({ exchange: new Int32(), tokens: new Int32() });

export const readingsSchema = schemaOf({
  experiment: new Int32(),
  at: new Int64(),
  series: new Utf8(),
  of: new Utf8(),
  value: new Float64(),
});

type ColumnType = DataType | { readonly type: DataType; readonly nullable: boolean };

function schemaOf(columns: Readonly<Record<string, ColumnType>>, metadata: Readonly<Record<string, string>> = {}): Schema {
  const fields = Object.entries(columns).map(([name, column]) =>
    "nullable" in column ? new Field(name, column.type, column.nullable) : new Field(name, column, false),
  );
  return new arrow.Schema(fields, new Map(Object.entries({ "tandem.schema": schemaVersion, ...metadata })));
}
