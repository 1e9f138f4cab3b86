import { createHash } from "node:crypto";
import type { Workload } from "../model/workload.ts";
import { withReferences } from "./workloadReferences.ts";

/** Characters: a call for each request would take longer than its bytes do. */
const pieceLength = 100_000;

/** SHA-256 of everything an engine is sent and when, in hexadecimal: equal for equal workloads, whatever objects they are made of. */
export function workloadHash(workload: Workload): string {
  const { kind, options, seed, passages, requests } = withReferences(workload);
  const hash = createHash("sha256");
  let piece = "";
  const add = (value: unknown) => {
    piece += `${JSON.stringify(value)}\n`;
    if (piece.length < pieceLength) return;
    hash.update(piece);
    piece = "";
  };
  add({ kind, options, seed, passages: passages.length, requests: requests.length });
  for (const { text, tokenIds } of passages) add([text, tokenIds]);
  for (const request of requests) add(request);
  return hash.update(piece).digest("hex");
}
