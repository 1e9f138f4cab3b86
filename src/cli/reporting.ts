import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { HarnessError } from "../model/harnessError.ts";
import type { Report } from "../model/report.ts";
import type { TestDescription, TestResult } from "../model/result.ts";
import { shellWord } from "../model/shellWord.ts";
import { reports } from "../render/reports.ts";

interface Writing {
  /** A kind that is left out. */
  readonly except?: Report["kind"] | undefined;
  /** Where copies will be put: said with what makes them again. */
  readonly copies?: string;
}

/**
 * Writes every report of a result, but for one kind where asked, into a directory. Returns their paths.
 * Reports of two runs never lie beside each other: where one cannot be written, none is.
 */
export async function writeReports(result: TestResult, directory: string, { except, copies }: Writing = {}): Promise<readonly string[]> {
  const files = reports
    .filter(({ kind }) => kind !== except)
    .map((report) => ({
      path: join(directory, `${baseName(result)}.${report.extension}`),
      content: async () => report.write(result),
    }));
  return allOrNone(files, { command: reportOf(except === undefined ? shellWord(directory) : `FILE.${except}`), copies });
}

/** Of reports of one run; returns the copies' paths. */
export async function copyReports(paths: readonly string[], copies: string): Promise<readonly string[]> {
  const again = { command: reportOf(shellWord(dirname(paths[0] ?? ""))), copies };
  return allOrNone(
    paths.map((path) => ({ path: join(copies, basename(path)), content: async () => original(path, again) })),
    again,
  );
}

/** It was written a moment ago; whoever tidies up may have taken it away since. */
function original(path: string, again: Again): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const hint = existsSync(dirname(path)) ? remedyFor(codeOf(cause), again) : "leave a run's directory alone until it has ended";
    throw new HarnessError("output", `${path} cannot be copied: ${withoutCall(cause)}`, { hint, cause });
  }
}

interface Places {
  readonly directory: string;
  readonly copies: string | undefined;
  readonly tell: (line: string) => void;
}

/** Reports written into a directory, and copied where that was asked for: a directory that cannot be written to, an archive's, is no obstacle then. */
export async function inBoth(
  write: (directory: string) => Promise<readonly string[]>,
  { directory, copies, tell }: Places,
): Promise<readonly string[]> {
  if (copies === undefined || resolve(copies) === resolve(directory)) return write(directory);
  let written: readonly string[];
  try {
    written = await write(directory);
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    tell(`warning: ${error.message}; reports are only in ${copies}`);
    return write(copies);
  }
  return copyReports(written, copies);
}

/** Of a test that was not begun, which only the report of its whole run tells of; returns its path. */
export async function writeReport(path: string, text: string): Promise<readonly string[]> {
  return allOrNone([{ path, content: async () => new TextEncoder().encode(text) }], {
    command: reportOf(shellWord(dirname(dirname(path)))),
  });
}

/** What makes reports again that could not be written. */
interface Again {
  readonly command: string;
  readonly copies?: string | undefined;
}

function reportOf(argument: string): string {
  return `tandem report ${argument}`;
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

/**
 * In a directory of our own first, then renamed, all at once: a reader never finds half a file, nor, where other jobs write to the same
 * directory, files of two runs.
 */
async function allOrNone(files: readonly ReportFile[], again: Again): Promise<readonly string[]> {
  const [first] = files;
  if (first === undefined) return [];
  const directory = dirname(first.path);
  const attempt = <T>(path: string, act: () => T) => attempted(path, again, act);
  const parts = attempt(directory, () => {
    mkdirSync(directory, { recursive: true });
    return mkdtempSync(join(directory, ".tandem-parts-"));
  });
  const partOf = (path: string) => join(parts, basename(path));
  try {
    for (const { path, content } of files) {
      attempt(path, () => refuseDirectory(path));
      const bytes = await content();
      attempt(path, () => writeFileSync(partOf(path), bytes));
    }
    await alone(directory, () => {
      for (const { path } of files) attempt(path, () => renameSync(partOf(path), path));
    });
    return files.map(({ path }) => path);
  } finally {
    ifPossible(() => rmSync(parts, { recursive: true, force: true }));
  }
}

/** Found by the last rename, it would come too late for the others. */
function refuseDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw Object.assign(new Error("it is a directory"), { code: "EISDIR" });
}

/** In milliseconds. Renames take a few: whoever has held the lock for so long was killed, and nobody waits for it longer. */
const longestHeld = 5_000;

/** While no other process is in here with the same directory: a lock that every file system has, other machines' included. */
async function alone(directory: string, act: () => void): Promise<void> {
  const lock = join(directory, ".tandem-lock");
  for (const from = performance.now(); !isMade(lock) && performance.now() - from < longestHeld;) await pause(5);
  try {
    act();
  } finally {
    ifPossible(() => rmdirSync(lock));
  }
}

/** Undone where it cannot be told: without a lock, the renames themselves say what is wrong. */
function isMade(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    return codeOf(error) !== "EEXIST";
  }
}

/** Why something could not be written is the news, and not that it cannot be removed either. */
function ifPossible(act: () => void): void {
  try {
    act();
  } catch {
    // Told already, by what came first.
  }
}

function attempted<T>(path: string, again: Again, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new HarnessError("output", `${path} cannot be written: ${withoutCall(cause)}`, { hint: remedyFor(codeOf(cause), again), cause });
  }
}

/** Why, without the call and its paths, which are our own affair. */
function withoutCall(cause: unknown): string {
  return (cause as Error).message.replace(/, [a-z]+(?: '.*)?$/s, "");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function remedyFor(code: unknown, { command, copies }: Again): string {
  const whole = copies === undefined ? command : `${command} -o ${shellWord(copies)}`;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return `free some space, then: ${whole}`;
    case "EACCES":
    case "EPERM":
      return `fix its permissions, then: ${whole}`;
    case "EROFS":
      return `its file system is read-only; elsewhere: ${command} -o DIR`;
    case "EISDIR":
    case "ENOTDIR":
    case "EEXIST":
      return `move away what is in its place, then: ${whole}`;
    case "ENOENT":
      return `somebody removed it meanwhile; once more: ${whole}`;
    default:
      return `when that is mended: ${whole}`;
  }
}
