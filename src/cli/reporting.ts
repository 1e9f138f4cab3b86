import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { HarnessError } from "../model/harnessError.ts";
import type { Report } from "../model/report.ts";
import type { TestDescription, TestResult } from "../model/result.ts";
import { shellWord } from "../model/shellWord.ts";
import { reports } from "../render/reports.ts";

/**
 * Writes every report of a result, but for one kind where asked, into a directory. Returns their paths.
 * Reports of two runs never lie beside each other: where one cannot be written, none is.
 */
export async function writeReports(result: TestResult, directory: string, except?: Report["kind"]): Promise<readonly string[]> {
  const files = reports
    .filter(({ kind }) => kind !== except)
    .map((report) => ({
      path: join(directory, `${baseName(result)}.${report.extension}`),
      content: async () => report.write(result),
    }));
  return allOrNone(files, again(except === undefined ? shellWord(directory) : `FILE.${except}`));
}

/** Of reports of one run; returns the copies' paths. */
export async function copyReports(paths: readonly string[], copies: string): Promise<readonly string[]> {
  const files = paths.map((path) => ({ path: join(copies, basename(path)), content: async () => readFileSync(path) }));
  return allOrNone(files, again(shellWord(dirname(paths[0] ?? ""))));
}

/** Of a test that was not begun; returns its path. */
export async function writeReport(path: string, text: string): Promise<readonly string[]> {
  return allOrNone([{ path, content: async () => new TextEncoder().encode(text) }], again(shellWord(dirname(path))));
}

function again(argument: string): string {
  return `free some space or fix the permissions, then: tandem report ${argument}`;
}

/** What is said where a run has measured nothing of a test, and an earlier run's reports lie where its own would: nothing where there are none. */
export function leftAsTheyAre(base: string, copies: string): readonly string[] {
  const others = reports.filter(({ kind }) => kind !== "junit").map(({ extension }) => join(copies, `${base}.${extension}`));
  if (!others.some((path) => existsSync(path))) return [];
  return [`nothing was measured: the copies in ${copies} are left as they are, but for the XML, which says so`];
}

/** Copies go where a directory lies under the name of one of them: told before anything is measured. */
export function refuseDirectoriesInTheWay(descriptions: readonly TestDescription[], output: string): void {
  const names = descriptions.flatMap((description) => reports.map(({ extension }) => `${baseName({ description })}.${extension}`));
  const inTheWay = names.map((name) => join(output, name)).filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (inTheWay.length === 0) return;
  throw new HarnessError(
    "usage",
    `${inTheWay.join(" and ")} ${inTheWay.length === 1 ? "is a directory" : "are directories"}, where a report will be written`,
    {
      hint: "move it away, or choose another directory with -o DIR",
    },
  );
}

interface Named {
  readonly description: Pick<TestDescription, "test" | "organisation" | "simulated">;
}

/** `<test>[_<organisation>]`, and whenever an engine was simulated the file name says so. */
export function baseName({ description }: Named): string {
  const organisation = description.organisation === undefined ? "" : `_${description.organisation}`;
  return `${description.test}${organisation}${description.simulated ? ".simulated" : ""}`;
}

interface ReportFile {
  readonly path: string;
  /** Asked for when it is its turn: all of them at once may be large. */
  readonly content: () => Promise<Uint8Array>;
}

/** Under other names first: a reader never finds half a file, nor files of two runs. */
async function allOrNone(files: readonly ReportFile[], hint: string): Promise<readonly string[]> {
  const partOf = (path: string) => `${path}.part`;
  try {
    for (const { path, content } of files) {
      const bytes = await content();
      attempt(path, hint, () => {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(partOf(path), bytes);
      });
    }
    for (const { path } of files) attempt(path, hint, () => renameSync(partOf(path), path));
    return files.map(({ path }) => path);
  } catch (error) {
    for (const { path } of files) removeIfPossible(partOf(path));
    throw error;
  }
}

/** Why something could not be written is the news, and not that it cannot be removed either. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Told already, by what came first.
  }
}

function attempt(path: string, hint: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new HarnessError("output", `${path} cannot be written: ${(cause as Error).message}`, { hint, cause });
  }
}
