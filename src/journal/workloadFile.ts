import { readFile } from "node:fs/promises";
import { HarnessError } from "../model/harnessError.ts";
import type { Passage } from "../model/request.ts";
import { encode } from "../model/vocabulary.ts";
import type { Workload } from "../model/workload.ts";
import { workloadFile } from "./paths.ts";
import { workloadHash } from "./workloadHash.ts";
import { isSameIds, withPassages, withReferences, type RequestWithReferences, type WorkloadWithReferences } from "./workloadReferences.ts";

const workloadSchema = 1;

/** A passage as its file has it: without its token ids, unless the vocabulary would cut its text into others. */
interface StoredPassage {
  readonly id: number;
  readonly text: string;
  readonly tokens: number;
  readonly tokenIds?: readonly number[];
}

/** Of a file each passage and each request is read as it is asked for, once: who wants to know the lengths of requests need not keep their messages. */
export interface StoredWorkload extends Omit<WorkloadWithReferences, "passages" | "requests"> {
  readonly schema: typeof workloadSchema;
  readonly hash: string;
  readonly passages: Iterable<StoredPassage>;
  readonly requests: Iterable<StoredRequest>;
}

/**
 * The file's text, piece by piece, since a string holds half a gigabyte and prompts may have more. JSON, with a line for each passage and
 * each request, so that it can be read line by line.
 */
export function* encodeWorkload(workload: Workload, hash: string): Iterable<string> {
  const { passages, requests, ...of } = withReferences(workload);
  yield `${JSON.stringify({ schema: workloadSchema, hash, ...of }).slice(0, -1)}${passagesFollow}\n`;
  yield* inPieces(passages, (passage, id) => JSON.stringify(storedPassage(passage, id)));
  yield `${requestsFollow}\n`;
  yield* inPieces(requests, (request) => JSON.stringify(request));
  yield `${end}\n`;
}

const passagesFollow = ',"passages":[';
const requestsFollow = '],"requests":[';
const end = "]}";
/** Characters written, or bytes read, at a time: a line alone takes longer than what it says. */
const pieceLength = 1_000_000;

function* inPieces<Kind>(all: readonly Kind[], lineOf: (one: Kind, index: number) => string): Iterable<string> {
  let piece = "";
  for (const [index, one] of all.entries()) {
    piece += `${lineOf(one, index)}${index + 1 < all.length ? "," : ""}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

function storedPassage({ text, tokenIds }: Passage, id: number): StoredPassage {
  const passage = { id, text, tokens: tokenIds.length };
  return isSameIds(encode(text), tokenIds) ? passage : { ...passage, tokenIds };
}

/** The very requests of a block, token for token; refused when they are not those that were sent. */
export async function readWorkload(test: string, experiment: number, block = 0): Promise<Workload> {
  const { schema: _, hash, passages, requests, ...of } = await readStoredWorkload(test, experiment, block);
  const workload = withPassages({ ...of, passages: Array.from(passages, passageOf), requests: [...requests] });
  if (workloadHash(workload) === hash) return workload;
  throw new HarnessError("journal", `${workloadFile(test, experiment, block)} no longer gives the requests that were sent`, {
    hint: "the file was edited, or the built-in vocabulary has changed since: use the version of tandem named in run.json",
  });
}

function passageOf({ text, tokenIds = encode(text) }: StoredPassage): Passage {
  return { kind: "passage", text, tokenIds };
}

/** Requests with their lengths, without making their tokens. */
export async function readStoredWorkload(test: string, experiment: number, block = 0): Promise<StoredWorkload> {
  const path = workloadFile(test, experiment, block);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new HarnessError("journal", `${path} cannot be read`, { hint: "without the workload, requests have no lengths", cause });
  });
  const stored = parse(bytes, path);
  if (!isStoredWorkload(stored)) throw notAWorkload(path);
  return stored;
}

function parse(bytes: Buffer, path: string): unknown {
  const passagesAt = bytes.indexOf(`${passagesFollow}\n`);
  if (passagesAt < 0) return parseJson(bytes.toString("utf8"), path); // older ones are one line
  const requestsAt = bytes.indexOf(`\n${requestsFollow}\n`);
  const endsAt = bytes.lastIndexOf(`\n${end}`);
  if (requestsAt < 0 || endsAt < requestsAt) throw notAWorkload(path);
  const of = parseJson(`${bytes.toString("utf8", 0, passagesAt)}}`, path) as object;
  const passages = linesOf(bytes.subarray(passagesAt + passagesFollow.length + 1, requestsAt + 1), path);
  const requests = linesOf(bytes.subarray(requestsAt + requestsFollow.length + 2, endsAt + 1), path, pieceLength);
  return { ...of, passages, requests };
}

const lineFeed = 10;

/** What each line says, at least so many bytes of them at a time: all but the last end in a comma. */
function* linesOf(bytes: Buffer, path: string, together = 1): Generator<unknown, undefined> {
  for (let start = 0; start < bytes.length;) {
    const next = bytes.indexOf(lineFeed, Math.min(start + together, bytes.length) - 1) + 1;
    const lines = bytes.toString("utf8", start, next).trimEnd();
    yield* parseJson(`[${lines.endsWith(",") ? lines.slice(0, -1) : lines}]`, path) as readonly unknown[]; // brackets say so
    start = next;
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notAWorkload(path, cause);
  }
}

// The version vouches for the rest: whatever carries it was written by `encodeWorkload` and moved into place whole.
function isStoredWorkload(stored: unknown): stored is StoredWorkload {
  if (typeof stored !== "object" || stored === null) return false;
  const { schema, passages, requests } = stored as Partial<Record<keyof StoredWorkload, unknown>>; // only its fields are looked at
  return schema === workloadSchema && [passages, requests].every((all) => typeof all === "object" && all !== null);
}

function notAWorkload(path: string, cause?: unknown): HarnessError {
  return new HarnessError("journal", `${path} is not a workload of version ${workloadSchema}`, {
    hint: "it was written by another version of tandem, or is damaged",
    cause,
  });
}

export type StoredRequest = RequestWithReferences;
