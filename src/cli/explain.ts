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
  terminal.tell(`tandem: a bug, sorry: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 70;
}

function isFullDisk(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
