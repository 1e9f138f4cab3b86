import type { RequestRecord } from "../model/record.ts";

/** One number for a block and a request, by which the same request is found on another engine: there may be a million of them, and texts would be slow. */
export function pairOf({ block, request }: Pick<RequestRecord, "block" | "request">): number {
  return block * 2 ** 32 + request;
}
