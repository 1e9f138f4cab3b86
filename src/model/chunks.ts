import type { ChunkKind } from "./exchange.ts";
import type { Chunks } from "./record.ts";
import { stampCodes } from "./recorder.ts";
import type { Nanoseconds } from "./time.ts";

/** One piece of a stream, where there are few of them. */
export interface Piece {
  readonly at: Nanoseconds;
  readonly kind: ChunkKind;
  readonly tokens: number;
}

/** Column by column, as records hold them. */
export function chunksOf(pieces: readonly Piece[]): Chunks {
  return {
    columns: {
      at: Float64Array.from(pieces, ({ at }) => at),
      kind: Uint8Array.from(pieces, ({ kind }) => stampCodes[kind]),
      tokens: Int32Array.from(pieces, ({ tokens }) => tokens),
    },
    from: 0,
    to: pieces.length,
  };
}

/** When they came. */
export function momentsOf({ columns, from, to }: Chunks): Float64Array {
  return columns.at.subarray(from, to);
}

export function lastMoment({ columns, from, to }: Chunks): Nanoseconds | undefined {
  return to > from ? columns.at[to - 1] : undefined;
}
