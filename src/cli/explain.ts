import { HarnessError } from "../model/harnessError.ts";
import type { Terminal } from "../model/host.ts";

/** Tells a person what went wrong and returns the exit code. A bug shows its stack. */
export function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof HarnessError) {
    terminal.tell(`tandem: ${error.message}`);
    if (error.hint !== undefined) terminal.tell(indented(error.hint));
    return error.exitCode;
  }
  if (isFullDisk(error)) {
    terminal.tell(`tandem: ${(error as Error).message}`);
    terminal.tell("  what was recorded until then is kept; free some space, then: tandem report DIR");
    return 2;
  }
  if (isOutOfFiles(error)) {
    terminal.tell(`tandem: too many files are open: ${(error as Error).message.split("\n", 1)[0]}`);
    terminal.tell("  raise the limit in this shell: ulimit -n 65536");
    return 2;
  }
  terminal.tell(`tandem: a bug, sorry: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 70;
}

/** What this cannot do is told and has its exit code, and what comes after it goes on. */
export async function codeAfter(act: () => Promise<void>, terminal: Terminal): Promise<number> {
  try {
    await act();
    return 0;
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    return explain(error, terminal);
  }
}

function isFullDisk(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

/** By its text: an error that comes from another thread has lost its code. */
function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && /\bE[MN]FILE\b/.test(error.message);
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
