import { existsSync } from "node:fs";

import { HarnessError } from "../model/harnessError.ts";

/** What was asked of the system. */
interface Start {
  readonly program: string;
  /** It is to work in. */
  readonly directory: string;
}

/** A program that is here and that the system does not start, as the error that ends its launch. Anything else is thrown on. */
export function cannotStart(who: string, { program, directory }: Start, cause: unknown): HarnessError {
  const code = codeOf(cause);
  // The system's answer is the same as of a program that is not there.
  if (code === "ENOENT" && !existsSync(directory)) return removed(who, directory, cause);
  // A full disk is told by whoever tells of the results.
  if (code === undefined || code === "ENOSPC") throw cause;
  return new HarnessError("engine-missing", `${who}: ${program} is here but cannot be started (${code})`, { hint: adviceOn(code), cause });
}

function removed(who: string, directory: string, cause: unknown): HarnessError {
  return new HarnessError("output", `${who}: its directory ${directory} was removed before it was started`, {
    hint: "leave a run's directory alone until it has ended",
    cause,
  });
}

function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || cause instanceof HarnessError || !("code" in cause)) return undefined;
  return String(cause.code);
}

function adviceOn(code: string): string {
  switch (code) {
    case "ENOENT":
    case "EACCES":
    case "ENOEXEC":
      return "the interpreter its first line names is gone, or it was made for another machine: install it again";
    case "EMFILE":
    case "ENFILE":
      return "too many files are open: raise the limit with ulimit -n 65536";
    case "EAGAIN":
    case "ENOMEM":
      return "no more processes, or no more memory, are to be had: ulimit -u, or end other work here";
    case "E2BIG":
      return "its arguments and its environment are longer than the system takes (each alone at most 128 KiB): put what is long into a file";
    case "ETXTBSY":
      return "somebody has it open for writing: wait until it is installed";
    default:
      return "to try it alone, run the command above in a shell";
  }
}
