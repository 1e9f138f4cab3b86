import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { HarnessError } from "../model/harnessError.ts";
import type { Aftermath } from "../model/running.ts";

/** Tables of a journal with one file per worker. */
export type WorkerTable = "exchanges" | "stamps" | "endings" | "counts";

/** `runs/20261124T093000Z-3f2a`: sorts by time. `suffix` is four hexadecimal digits. */
export function runDirectory(outputs: string, startedAt: Date, suffix: string): string {
  const stamp = startedAt.toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  return join(outputs, "runs", `${stamp}-${suffix}`);
}

export function manifestFile(run: string): string {
  return join(run, "run.json");
}

export function testDirectory(run: string, test: string): string {
  return join(run, asFileName(test));
}

export function descriptionFile(test: string): string {
  return join(test, "test.json");
}

export function journalDirectory(test: string): string {
  return join(test, "journal");
}

export function tableFile(test: string, table: WorkerTable, worker: number): string {
  return join(journalDirectory(test), `${table}-${worker}.arrow`);
}

/** Who has written to a test's journal, by number. */
export async function workersOf(test: string): Promise<readonly number[]> {
  const files = await readdir(journalDirectory(test)).catch(() => []);
  const numbers = files.flatMap((file) => /^(?:exchanges|stamps|endings)-(\d+)\.arrow$/.exec(file)?.[1] ?? []);
  return [...new Set(numbers.map(Number))].sort((a, b) => a - b);
}

export function readingsFile(test: string): string {
  return join(journalDirectory(test), "readings.arrow");
}

export function eventsFile(test: string): string {
  return join(journalDirectory(test), "events.jsonl");
}

/** Events of those who look after what a harness started when it is gone; each has its own, and nobody writes to `events.jsonl` then. */
export function aftermathFiles(test: string): Aftermath["files"] {
  const file = (name: string) => join(journalDirectory(test), `after-${name}.jsonl`);
  return { processes: file("processes"), containers: file("containers") };
}

export function verdictsFile(test: string): string {
  return join(journalDirectory(test), "verdicts.jsonl");
}

export function workloadFile(test: string, experiment: number, block = 0): string {
  return join(test, "workloads", block === 0 ? `${experiment}.json` : `${experiment}-block-${block}.json`);
}

/** Where an engine's stdout.log and stderr.log go. */
export function engineDirectory(test: string, engine: string): string {
  return join(test, "engines", asFileName(engine));
}

/** The same of a service. */
export function serviceDirectory(test: string, service: string): string {
  return join(test, "services", asFileName(service));
}

export interface FoundTests {
  /** Their directories; of a run that has begun none, none. */
  readonly tests: readonly string[];
  /** The run's directory, where all of its tests were looked for. */
  readonly run?: string;
}

/** What is in `path`: one test's own directory, a run's, or an outputs directory, which stands for its latest run. */
export async function findTests(path: string): Promise<FoundTests> {
  const entries = await entriesOf(path);
  if (entries.includes("test.json")) return { tests: [path] };
  if (entries.includes("runs")) return findTests(join(path, "runs"));
  const latest = entries.filter(isRunName).sort().at(-1);
  if (latest !== undefined) return findTests(join(path, latest));
  const tests = await testsAmong(path, entries);
  if (tests.length > 0 || entries.includes("run.json")) return { tests, run: path };
  throw new HarnessError("journal", `${path} holds no test of a run`, { hint: whatToGive });
}

/** Where what was given is nothing to report. */
export const whatToGive =
  "give an outputs directory, one of its runs/…, one test's directory in it (it has a test.json), or a CSV of lmcache-tests (its name ends in .csv)";

async function entriesOf(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    throw new HarnessError("journal", `${path} ${whatItIs(cause)}`, { hint: whatToGive, cause });
  }
}

function whatItIs(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOTDIR") return "is a file, and no directory of a run";
  return code === "ENOENT" ? "is not there" : "is not a directory that can be read";
}

async function testsAmong(path: string, entries: readonly string[]): Promise<readonly string[]> {
  const directories = [...entries].sort().map((entry) => join(path, entry));
  const found = await Promise.all(directories.map((directory) => isFile(descriptionFile(directory))));
  return directories.filter((_, i) => found[i]);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function isRunName(name: string): boolean {
  return /^\d{8}T\d{6}Z-[0-9a-f]{4}$/.test(name);
}

// Names come from test files: any character is possible, and two names must not share a directory.
function asFileName(name: string): string {
  return encodeURIComponent(name).replace(/^\.+/, (dots) => "%2E".repeat(dots.length));
}
