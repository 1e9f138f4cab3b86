import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new directory for one test to write in, gone when the test has finished. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "tandem-journal-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
