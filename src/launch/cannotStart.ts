import { HarnessError } from "../model/harnessError.ts";

/** A program that is here and that the system does not start, as the error that ends its launch. Anything else is thrown on. */
export function cannotStart(who: string, program: string, cause: unknown): HarnessError {
  const code = codeOf(cause);
  // A full disk is told by whoever tells of the results.
  if (code === undefined || code === "ENOSPC") throw cause;
  return new HarnessError("engine-missing", `${who}: ${program} is here but cannot be started (${code})`, { hint: adviceOn(code), cause });
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
