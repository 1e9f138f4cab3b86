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

export interface StoredWorkload extends Omit<WorkloadWithReferences, "passages"> {
  readonly schema: typeof workloadSchema;
  readonly hash: string;
  readonly passages: readonly StoredPassage[];
}

export function encodeWorkload(workload: Workload, hash: string): string {
  const { passages, requests, ...of } = withReferences(workload);
  const stored = { schema: workloadSchema, hash, ...of, passages: passages.map(storedPassage), requests } satisfies StoredWorkload;
  return `${JSON.stringify(stored)}\n`;
}

function storedPassage({ text, tokenIds }: Passage, id: number): StoredPassage {
  const passage = { id, text, tokens: tokenIds.length };
  return isSameIds(encode(text), tokenIds) ? passage : { ...passage, tokenIds };
}

/** The very requests of a block, token for token; refused when they are not those that were sent. */
export async function readWorkload(test: string, experiment: number, block = 0): Promise<Workload> {
  const { schema: _, hash, passages, ...of } = await readStoredWorkload(test, experiment, block);
  const workload = withPassages({ ...of, passages: passages.map(passageOf) });
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
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new HarnessError("journal", `${path} cannot be read`, { hint: "without the workload, requests have no lengths", cause });
  });
  return parseStoredWorkload(text, path);
}

function parseStoredWorkload(text: string, path: string): StoredWorkload {
  const stored = parseJson(text, path);
  if (!isStoredWorkload(stored)) throw notAWorkload(path);
  return stored;
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
  return schema === workloadSchema && Array.isArray(passages) && Array.isArray(requests);
}

function notAWorkload(path: string, cause?: unknown): HarnessError {
  return new HarnessError("journal", `${path} is not a workload of version ${workloadSchema}`, {
    hint: "it was written by another version of tandem, or is damaged",
    cause,
  });
}

export type StoredRequest = RequestWithReferences;
