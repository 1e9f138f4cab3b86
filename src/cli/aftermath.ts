import { dirname } from "node:path";

import { findTests } from "../journal/paths.ts";
import { readAftermath } from "../journal/read.ts";
import { untoldAfterwards } from "../model/afterwards.ts";
import type { Terminal } from "../model/host.ts";
import type { TestResult } from "../model/result.ts";
import { lineFor } from "./progress.ts";

/** What became of the engines of a test whose run was killed; nothing where it was not. */
export async function tellAftermath(test: string, result: TestResult, terminal: Terminal): Promise<void> {
  for (const line of await linesOf(test)) terminal.tell(line);
  for (const line of untoldAfterwards(result)) terminal.tell(`  ${line}`);
}

/** The same of the latest run there, before another one makes it an earlier one. */
export async function tellOfLastRun(output: string, terminal: Terminal): Promise<void> {
  // There may be none yet.
  const { tests } = await findTests(output).catch(() => ({ tests: [] }));
  const lines = (await Promise.all(tests.map(linesOf))).flat();
  if (lines.length > 0) terminal.tell([`the run before this one was killed (${dirname(tests[0] ?? "")}):`, ...lines].join("\n"));
}

async function linesOf(test: string): Promise<readonly string[]> {
  return (await readAftermath(test)).flatMap(({ event }) => lineFor(event) ?? []);
}
