import type { Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";

/** One request's turn on one engine. */
export interface Turn {
  readonly engine: string;
  readonly block: number;
  readonly request: Request;
  /** From the start of its phase; undefined when it follows another request of the same engine and block. */
  readonly due: Seconds | undefined;
}

/** Turns that share a start; the next phase starts when every one of them has ended. */
export type Phase = readonly Turn[];

/** A phase for whoever plays it, be they kept as a list or not. */
export type Turns = Pick<Phase, "length" | "at">;
