import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { devNull } from "node:os";
import { HarnessError } from "../model/harnessError.ts";

/** A file that only grows, by whole pieces: one that does not fit is taken back, so that what was written before stays readable. */
export class AppendFile {
  readonly path: string;
  private readonly descriptor: number;
  private length: number;

  /** `path` must not exist yet, but for the device that keeps nothing: a journal is never written over. Appending, so that a piece taken back leaves no hole. */
  constructor(path: string) {
    this.path = path;
    this.descriptor = forWriting(path, () => openSync(path, path === devNull ? "a" : "ax"));
    this.length = 0;
  }

  append(piece: Uint8Array): void {
    try {
      forWriting(this.path, () => writeWhole(this.descriptor, piece));
      this.length += piece.byteLength;
    } catch (error) {
      ftruncateSync(this.descriptor, this.length);
      throw error;
    }
  }

  /** Whether nobody will ever find what is written: somebody removed it. */
  get isRemoved(): boolean {
    return fstatSync(this.descriptor).nlink === 0;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function writeWhole(descriptor: number, piece: Uint8Array): void {
  let written = 0;
  while (written < piece.byteLength) written += writeSync(descriptor, piece, written);
}

/** What `act` returns; what the system answers instead becomes an error a person can act on. */
export function forWriting<Value>(path: string, act: () => Value): Value {
  try {
    return act();
  } catch (cause) {
    throw new HarnessError("output", `cannot write ${path}: ${reasonOf(cause)}`, { hint: adviceOn(cause), cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function adviceOn(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return "the disk is full; what was written before is kept; where there is space: tandem report DIR -o ELSEWHERE";
  if (code === "EEXIST") return "a journal is already there and is never written over; use another directory";
  if (code === "EMFILE" || code === "ENFILE") return "too many files are open: raise the limit with ulimit -n 65536";
  return "choose a directory that can be written with -o DIR";
}
