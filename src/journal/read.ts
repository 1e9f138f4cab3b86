import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname } from "node:path";
import type { Float64, Int32, Int64, RecordBatch } from "apache-arrow";
import { isRunning } from "../host/processTable.ts";
import { lastMoment } from "../model/chunks.ts";
import type { Verdict } from "../model/figures.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentDescription, ExperimentResult, RunManifest, TestDescription, TestResult, TimedEvent } from "../model/result.ts";
import { simulatedVersion } from "../model/simulatedVersion.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { numbersOf } from "./int64.ts";
import * as paths from "./paths.ts";
import { isEnded, readBatches, textsIn, valuesOf } from "./readTable.ts";
import { readRecords, type JournalRecord } from "./readRecords.ts";

/** One test of a run, from its directory. What was cut off is missing from it, and nothing else. */
export async function readTest(test: string): Promise<TestResult> {
  const events = [...(await readLines(paths.eventsFile(test), isTimedEvent)), ...(await readAftermath(test))];
  const facts = factsOf(events);
  const description = foundSimulated(await readDescription(test), facts);
  const workers = await paths.workersOf(test);
  const records = await readRecords(test, workers, description);
  const readings = await readReadings(test);
  const manifest = (await readManifest(dirname(test))) ?? unknownManifest(description);
  const ended = events.some(({ event }) => event.kind === "testEnded");
  const complete = ended && !events.some(({ event }) => event.kind === "interrupted");
  const damaged = ended ? await cutTables(test, workers) : [];
  const lasted = lengthOf(events);
  return {
    description,
    manifest,
    experiments: description.experiments.map((experiment, index) =>
      experimentResult(index, experiment, description.engines.length, records[index] ?? [], readings[index] ?? []),
    ),
    events,
    verdicts: await readVerdicts(test),
    facts,
    proofs: proofsOf(events),
    complete,
    ...(damaged.length > 0 ? { damaged } : {}),
    ...(!ended && goesOn(manifest) ? { stillRunning: true } : {}),
    ttftAnchor: "sent",
    ...(lasted === undefined ? {} : { lasted }),
  };
}

async function cutTables(test: string, workers: readonly number[]): Promise<readonly string[]> {
  const files = workers.flatMap((worker) =>
    (["exchanges", "stamps", "endings"] as const).map((table) => paths.tableFile(test, table, worker)),
  );
  const ended = await Promise.all(files.map(isEnded));
  return files.filter((_, index) => ended[index] !== true).map((file) => basename(file));
}

/** What became of the engines of a harness that was killed, as far as it is known by now. */
export async function readAftermath(test: string): Promise<readonly TimedEvent[]> {
  const files = Object.values(paths.aftermathFiles(test));
  return (await Promise.all(files.map(async (file) => readLines(file, isTimedEvent)))).flat();
}

async function readDescription(test: string): Promise<TestDescription> {
  const path = paths.descriptionFile(test);
  const description = parseJson(await readRequired(path), path);
  if (isOfSchemaOne<TestDescription>(description)) return description;
  throw new HarnessError("journal", `${path} is not a test of version 1`, { hint: "it was written by another version of tandem" });
}

/** A simulated engine may also be a server that was up already: it says what it is, and nothing it did was measured. */
function foundSimulated(description: TestDescription, facts: TestResult["facts"]): TestDescription {
  const engines = description.engines.map((engine) =>
    facts[engine.name]?.["version"] === simulatedVersion ? { ...engine, simulated: true } : engine,
  );
  return { ...description, engines, simulated: description.simulated || engines.some(({ simulated }) => simulated) };
}

async function readRequired(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new HarnessError("journal", `${path} cannot be read`, {
      hint: "the directory of one test of a run has a test.json in it",
      cause,
    });
  });
}

/** Undefined where it is missing, or of another version. */
export async function readManifest(run: string): Promise<RunManifest | undefined> {
  const path = paths.manifestFile(run);
  const text = await readFile(path, "utf8").catch(() => undefined);
  const manifest = text === undefined ? undefined : parseJson(text, path);
  return isOfSchemaOne<RunManifest>(manifest) ? manifest : undefined;
}

/** Only says when and where the run was made: without it, the numbers still stand. */
function unknownManifest({ simulated }: TestDescription): RunManifest {
  return { schema: 1, tandem: "unknown", startedAt: "unknown", commandLine: [], host: {}, simulated };
}

/** Of a run made on another machine it cannot be known; it is then taken as ended. */
export function goesOn({ host, process }: RunManifest): boolean {
  return process !== undefined && host["name"] === hostname() && isRunning(process);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HarnessError("journal", `${path} is damaged: not JSON`, { cause });
  }
}

/** The version vouches for the rest: `describe` and `writeManifest` wrote it. */
function isOfSchemaOne<Written extends { readonly schema: 1 }>(value: unknown): value is Written {
  return typeof value === "object" && value !== null && "schema" in value && value.schema === 1;
}

function experimentResult(
  index: number,
  description: ExperimentDescription,
  engines: number,
  found: readonly JournalRecord[],
  readings: readonly Reading[],
): ExperimentResult {
  const span = spanOf(found);
  const scheduled = description.workload.requests * engines * description.repeats;
  return {
    index,
    description,
    records: found.map(({ record }) => record),
    neverDue: Math.max(0, scheduled - found.length),
    readings,
    ...(span === undefined ? {} : { span, starts: startsOf(found) }),
  };
}

function startsOf(found: readonly JournalRecord[]): NonNullable<ExperimentResult["starts"]> {
  const starts = new Map<string, { engine: string; block: number; at: number }>();
  for (const { start: at, record } of found) {
    const { engine, block } = record;
    const key = `${block} ${engine}`;
    if (at < (starts.get(key)?.at ?? Number.POSITIVE_INFINITY)) starts.set(key, { engine, block, at });
  }
  return [...starts.values()];
}

function spanOf(found: readonly JournalRecord[]): ExperimentResult["span"] {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { start, record } of found) {
    from = Math.min(from, start);
    to = Math.max(to, start + lastStamp(record));
  }
  return found.length > 0 ? { from, to } : undefined;
}

function lastStamp({ ended, chunks, headers, sent, due }: RequestRecord): number {
  return ended ?? lastMoment(chunks) ?? headers ?? sent ?? due;
}

/** By experiment. */
async function readReadings(test: string): Promise<readonly (readonly Reading[])[]> {
  const readings: Reading[][] = [];
  for (const batch of await readBatches(paths.readingsFile(test))) {
    const experiments = valuesOf<Int32>(batch, "experiment");
    for (const [row, reading] of readingsIn(batch).entries()) (readings[experiments[row] ?? 0] ??= []).push(reading);
  }
  return readings;
}

function readingsIn(batch: RecordBatch): readonly Reading[] {
  const [series, of] = [textsIn(batch, "series"), textsIn(batch, "of")];
  const values = valuesOf<Float64>(batch, "value");
  const moments = numbersOf(valuesOf<Int64>(batch, "at"));
  return Array.from(moments, (at, row) => ({
    at,
    series: series(row) ?? "",
    of: of(row) ?? "",
    value: values[row] ?? Number.NaN,
  }));
}

/** The last line may have been cut off; any other that is not right is damage. */
async function readLines<Line>(path: string, isRight: (line: unknown) => line is Line): Promise<readonly Line[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, i) => {
    const value = parseJson(line, `${path}, line ${i + 1}`);
    if (isRight(value)) return value;
    throw new HarnessError("journal", `${path}, line ${i + 1} is not what this version of tandem writes there`);
  });
}

function isTimedEvent(line: unknown): line is TimedEvent {
  if (typeof line !== "object" || line === null || !("at" in line) || !("event" in line)) return false;
  return typeof line.at === "number" && typeof line.event === "object" && line.event !== null && "kind" in line.event;
}

async function readVerdicts(test: string): Promise<readonly Verdict[]> {
  return readLines(paths.verdictsFile(test), isVerdict);
}

function isVerdict(line: unknown): line is Verdict {
  return typeof line === "object" && line !== null && "check" in line && "ok" in line && "experiment" in line;
}

function factsOf(events: readonly TimedEvent[]): TestResult["facts"] {
  const ready = events.map(({ event }) => event).filter((event) => event.kind === "ready");
  return Object.fromEntries(ready.map(({ engine, facts }) => [engine, facts]));
}

function proofsOf(events: readonly TimedEvent[]): NonNullable<TestResult["proofs"]> {
  return events.flatMap(({ event }) => {
    if (event.kind !== "proof") return [];
    const { kind: _kind, ...proof } = event;
    return [proof];
  });
}

function lengthOf(events: readonly TimedEvent[]): Seconds | undefined {
  const started = events.find(({ event }) => event.kind === "testStarted");
  const ended = events.findLast(({ event }) => event.kind === "testEnded");
  return started && ended && toSeconds(ended.at - started.at);
}
