import { copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { HarnessError } from "../model/harnessError.ts";
import type { Report } from "../model/report.ts";
import type { TestResult } from "../model/result.ts";

/** Writes every report of a result, but for one kind where asked, into a directory, and copies where asked. Returns the paths people will open. */
export async function writeReports(
  result: TestResult,
  directory: string,
  copies: string | undefined,
  except?: Report["kind"],
): Promise<readonly string[]> {
  // Loaded here: charts and PDF cost a second, and a machine that only measures need not have them.
  const { reports } = await import("../render/reports.ts");
  const paths: string[] = [];
  for (const report of reports.filter(({ kind }) => kind !== except)) {
    const name = `${baseName(result)}.${report.extension}`;
    const bytes = await report.write(result);
    const path = join(directory, name);
    place(path, bytes);
    if (copies === undefined) paths.push(path);
    else paths.push(copied(path, copies, name));
  }
  return paths;
}

/** `<test>[_<organisation>]`, and whenever an engine was simulated the file name says so. */
export function baseName({ description }: TestResult): string {
  const organisation = description.organisation === undefined ? "" : `_${description.organisation}`;
  return `${description.test}${organisation}${description.simulated ? ".simulated" : ""}`;
}

/** Whole or not at all: a reader never finds half a file. */
function place(path: string, bytes: Uint8Array): void {
  attempt(path, () => {
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
  });
}

function copied(path: string, directory: string, name: string): string {
  const copy = join(directory, name);
  attempt(copy, () => {
    mkdirSync(directory, { recursive: true });
    copyFileSync(path, `${copy}.part`);
    renameSync(`${copy}.part`, copy);
  });
  return copy;
}

function attempt(path: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new HarnessError("output", `${path} cannot be written: ${(cause as Error).message}`, {
      hint: "the journal is kept: free some space or fix the permissions, then: tandem report DIR",
      cause,
    });
  }
}
