import type { TestFigures } from "../measure/testFigures.ts";
import type { Terminal } from "../model/host.ts";
import type { TestResult } from "../model/result.ts";
import { consoleTable } from "../reports/consoleTable.ts";
import { json } from "../reports/json.ts";
import { styleFor } from "./style.ts";

export interface Publishing {
  /** Returns the paths people will open. */
  readonly write: () => Promise<readonly string[]>;
  readonly asJson: boolean;
  readonly terminal: Terminal;
}

/** Writes a test's reports and prints its numbers: also where a report cannot be written, for a full disk must not cost the answer. */
export async function publish(result: TestResult, figures: TestFigures, { write, asJson, terminal }: Publishing): Promise<void> {
  let paths: readonly string[] = [];
  try {
    paths = await write();
  } finally {
    if (asJson) terminal.print(await jsonLine(result, paths));
    else printResult(result, figures, paths, terminal);
  }
}

function printResult(result: TestResult, figures: TestFigures, paths: readonly string[], terminal: Terminal): void {
  for (const line of consoleTable(result, figures, { columns: terminal.columns, style: styleFor(terminal) })) terminal.print(line);
  terminal.print("");
  for (const path of paths) terminal.print(path);
}

/** The JSON report and where the others are, on one line: a run of several tests prints one each. */
async function jsonLine(result: TestResult, artefacts: readonly string[]): Promise<string> {
  const figures: object = JSON.parse(new TextDecoder().decode(await json.write(result)));
  return JSON.stringify({ ...figures, artefacts });
}
