import { devNull, hostname } from "node:os";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as fc from "fast-check";
import { Field, Int32, RecordBatchStreamWriter, Schema, tableFromIPC } from "apache-arrow";
import { expect, test } from "vitest";
import { tellAfterwards } from "../host/aftermath.ts";
import { processEntry } from "../host/processTable.ts";
import { unlessGone } from "../host/unlessGone.ts";
import { chunksOf, momentsOf } from "../model/chunks.ts";
import type { Ending } from "../model/exchange.ts";
import { completed, dropped, failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { RunManifest, TestDescription, TestResult } from "../model/result.ts";
import { simulatedVersion } from "../model/simulatedVersion.ts";
import type { Workload } from "../model/workload.ts";
import { describedTest, documentQuestions } from "./fixture.ts";
import { freshDirectory } from "./freshDirectory.ts";
import { aftermathFiles, eventsFile, manifestFile, tableFile, workloadFile } from "./paths.ts";
import { readTest } from "./read.ts";
import { journalOfNothing, openJournal, writeManifest, type JournalWriter } from "./write.ts";

const SECOND = 1e9;
const start = 5 * SECOND;

/** A test's directory inside a run, with what is written before anything is sent. */
function begun(requests = 2): { directory: string; journal: JournalWriter } {
  const directory = join(freshDirectory(), "test_two");
  const journal = openJournal(directory, { virtual: true });
  journal.describe(describedTest(requests));
  journal.workload(0, documentQuestions(requests), "hash");
  return { directory, journal };
}

function dueOn(journal: JournalWriter, engine: string, request: number): number {
  return journal.due({ experiment: 0, block: 0, engine, request, start, due: request * 8 * SECOND });
}

function recordsOf(result: TestResult): readonly RequestRecord[] {
  return result.experiments[0]?.records ?? [];
}

test("a request that waited for another's end says for whose; one with a time of its own says nothing", async () => {
  const directory = join(freshDirectory(), "test_two");
  const journal = openJournal(directory, { virtual: true });
  const { requests, ...workload } = documentQuestions(2);
  const lane = requests.map((one) => (one.id === 0 ? one : { ...one, arrival: { kind: "after", request: 0, pause: 1 } as const }));
  journal.describe(describedTest(2));
  journal.workload(0, { ...workload, requests: lane }, "hash");
  for (const request of [0, 1]) dueOn(journal, "cached", request);
  journal.close();
  expect(recordsOf(await readTest(directory)).map(({ after }) => after)).toEqual([undefined, 0]);
});

test("a request comes back as it was stamped, counted from the start of its experiment", async () => {
  const { directory, journal } = begun();
  const exchange = dueOn(journal, "cached", 1);
  journal.stamp(exchange, "sent", start + 8_000_100_000, 0);
  journal.stamp(exchange, "opened", start + 8_000_300_000, 0);
  journal.stamp(exchange, "headers", start + 8_001_000_000, 200);
  journal.stamp(exchange, "role", start + 8_002_000_000, 0);
  journal.stamp(exchange, "text", start + 8_100_000_000, 1);
  journal.stamp(exchange, "text", start + 8_120_000_000, 3);
  const counted = {
    promptTokens: 12,
    cachedTokens: 0,
    outputTokens: 4,
    outputTokensSource: "events",
    impossibleTokens: 3e9,
    impossibleCachedTokens: 556,
  } as const;
  const told = { status: 200, ...counted };
  journal.ended(exchange, start + 8_121_000_000, { outcome: completed, ...told, text: "grün 🦊" });
  journal.close();

  const result = await readTest(directory);
  expect(recordsOf(result)).toEqual([
    {
      experiment: 0,
      block: 0,
      engine: "cached",
      request: 1,
      due: 8_000_000_000,
      attempts: 1,
      sent: 8_000_100_000,
      reused: false,
      opened: 8_000_300_000,
      headers: 8_001_000_000,
      ended: 8_121_000_000,
      chunks: chunksOf([
        { at: 8_002_000_000, kind: "role", tokens: 0 },
        { at: 8_100_000_000, kind: "text", tokens: 1 },
        { at: 8_120_000_000, kind: "text", tokens: 3 },
      ]),
      outcome: completed,
      ...told,
      text: "grün 🦊",
      contextTokens: 9,
      questionTokens: 3,
      reusableTokens: 9,
      maxOutputTokens: 200,
      cache: "warm",
    },
  ]);
  expect(result.experiments[0]?.span).toEqual({ from: start, to: start + 8_121_000_000 });
  expect(result.experiments[0]?.starts).toEqual([{ engine: "cached", block: 0, at: start }]);
  expect(result.experiments[0]?.neverDue).toBe(3); // two requests on two engines, one of which fell due
});

/** The cache states of request 0 in each of two blocks. */
async function statesOf(of: TestDescription, second?: Workload): Promise<readonly string[]> {
  const directory = join(freshDirectory(), "test_two");
  const journal = openJournal(directory, { virtual: true });
  journal.describe(of);
  journal.workload(0, documentQuestions(1), "hash");
  if (second !== undefined) journal.workload(0, second, "hash", 1);
  for (const block of [0, 1]) journal.due({ experiment: 0, block, engine: "plain", request: 0, start, due: 0 });
  journal.close();
  return recordsOf(await readTest(directory)).map(({ cache }) => cache);
}

test("a block with a file of its own sent what is in it; one without sent the first block's prompts again, to caches that had them unless they were emptied", async () => {
  const described = describedTest(1, 2);
  expect(await statesOf(described)).toEqual(["cold", "warm"]);
  const emptied = described.experiments.map((one) => ({ ...one, cacheState: "cold" as const }));
  expect(await statesOf({ ...described, experiments: emptied })).toEqual(["cold", "cold"]);
  const [experiment] = described.experiments.map((one) => ({ ...one, workload: { ...one.workload, laterBlocks: ["hash"] } }));
  if (experiment === undefined) throw new Error("it has one experiment");
  expect(await statesOf({ ...described, experiments: [experiment] }, documentQuestions(1))).toEqual(["cold", "cold"]);
  await expect(statesOf({ ...described, experiments: [experiment] })).rejects.toThrow("workloads/0-block-1.json cannot be read");
});

test("outcomes keep their reasons, and what was not told stays missing", async () => {
  const { directory, journal } = begun();
  const endings: Ending[] = [
    { outcome: failed("http-status", "503 Service Unavailable"), status: 503 },
    { outcome: dropped("request 0 failed") },
    { outcome: { kind: "cancelled" } },
    { outcome: failed("refused", "nothing listens") },
  ];
  for (const [i, ending] of endings.entries())
    journal.ended(dueOn(journal, i < 2 ? "cached" : "plain", i % 2), start + 20 * SECOND, ending);
  journal.close();

  const records = recordsOf(await readTest(directory));
  const byEngine = records.toSorted((a, b) => (a.engine < b.engine ? -1 : 1));
  expect(byEngine.map(({ outcome, status }) => ({ outcome, status }))).toEqual(endings.map(({ outcome, status }) => ({ outcome, status })));
  expect(records.every((record) => !("sent" in record) && !("outputTokens" in record) && record.attempts === 0)).toBe(true);
});

test("of two attempts the answered one is `sent`, and both are counted", async () => {
  const { directory, journal } = begun();
  const exchange = dueOn(journal, "plain", 0);
  journal.stamp(exchange, "sent", start + 10, 1);
  journal.stamp(exchange, "sent", start + 900, 0);
  journal.stamp(exchange, "text", start + 5_000, 1);
  journal.close();
  expect(recordsOf(await readTest(directory))).toMatchObject([{ sent: 900, firstSent: 10, reused: false, attempts: 2 }]);
});

test("a stream that was open when the run was cut off is cancelled, has its chunks and no end", async () => {
  const { directory, journal } = begun();
  const exchange = dueOn(journal, "plain", 0);
  journal.stamp(exchange, "sent", start, 0);
  journal.stamp(exchange, "text", start + 7, 1);
  journal.flush(); // and never closed

  const [record] = recordsOf(await readTest(directory));
  expect(record?.outcome).toEqual({ kind: "cancelled" });
  expect(record).not.toHaveProperty("ended");
  expect(record && [...momentsOf(record.chunks)]).toEqual([7]);
});

test("however exchanges and flushes interleave, each record has its own stamps in order", async () => {
  const step = fc.record({ exchange: fc.nat(5), tokens: fc.nat(9), flush: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { directory, journal } = begun(3);
      const exchanges = Array.from({ length: 6 }, (_, i) => dueOn(journal, i % 2 === 0 ? "cached" : "plain", i >> 1));
      const expected = exchanges.map((): number[][] => []);
      for (const [i, { exchange, tokens, flush }] of steps.entries()) {
        journal.stamp(exchange, "text", start + i, tokens);
        expected[exchange]?.push([i, tokens]);
        if (flush) journal.flush();
      }
      journal.close();
      const records = recordsOf(await readTest(directory));
      expect(
        records.map(({ chunks }) => Array.from(momentsOf(chunks), (at, place) => [at, chunks.columns.tokens[chunks.from + place]])),
      ).toEqual(expected);
      rmSync(dirname(directory), { recursive: true });
    }),
    { numRuns: 25 },
  );
});

test("batches that fill up are written by themselves: 50,000 stamps are there before any flush", () => {
  const { directory, journal } = begun();
  const exchange = dueOn(journal, "plain", 0);
  for (let i = 0; i < 50_000; i++) journal.stamp(exchange, "text", start + i, 1);
  const stamps = tableFromIPC(readFileSync(tableFile(directory, "stamps", 0)));
  expect(stamps.numRows).toBe(3 * 16_384);
  expect(stamps.getChild("at")?.get(49_151)).toBe(BigInt(start + 49_151));
  journal.close();
  expect(tableFromIPC(readFileSync(tableFile(directory, "stamps", 0))).numRows).toBe(50_000);
});

test("stamps that fill up leave endings for later, and an ending on disk has its stamps", () => {
  const { directory, journal } = begun();
  const exchange = dueOn(journal, "plain", 0);
  const onDisk = () => (["stamps", "endings"] as const).map((table) => tableFromIPC(readFileSync(tableFile(directory, table, 0))).numRows);
  journal.ended(exchange, start, { outcome: completed });
  journal.texts(exchange, start, 16_385);
  expect(onDisk()).toEqual([16_384, 0]);
  for (let i = 0; i < 1_024; i++) journal.ended(exchange, start, { outcome: completed });
  expect(onDisk()).toEqual([16_385, 1_024]);
  journal.close();
});

test("what is stamped is on disk within a second and a half without anybody's asking", async () => {
  const directory = join(freshDirectory(), "test_two");
  using journal = openJournal(directory);
  journal.stamp(dueOn(journal, "plain", 0), "sent", start, 0);
  await pause(1_500);
  expect(tableFromIPC(readFileSync(tableFile(directory, "stamps", 0))).numRows).toBe(1);
});

test("of a test that came to its end, a table that lacks its own is named", async () => {
  const directory = freshDirectory();
  const journal = openJournal(directory, { worker: 1 });
  journal.describe(describedTest(1));
  journal.workload(0, documentQuestions(1), "hash");
  journal.event(0, { kind: "testEnded", test: "test_two" });
  journal.close();
  expect((await readTest(directory)).damaged).toBeUndefined();
  const endings = tableFile(directory, "endings", 1);
  truncateSync(endings, statSync(endings).size - 4);
  rmSync(tableFile(directory, "exchanges", 1));
  expect((await readTest(directory)).damaged).toEqual(["exchanges-1.arrow", "endings-1.arrow"]);
});

test("wherever a file of the journal was cut off, what comes before is read", async () => {
  const { directory, journal } = begun();
  for (const engine of ["cached", "plain"]) {
    const exchange = dueOn(journal, engine, 0);
    journal.stamp(exchange, "sent", start, 0);
    journal.ended(exchange, start + 100, { outcome: completed });
    journal.flush();
  }
  journal.close();
  for (const [table, atLeast] of [
    ["endings", 2],
    ["stamps", 2],
    ["exchanges", 0],
  ] as const) {
    const path = tableFile(directory, table, 0);
    const whole = readFileSync(path);
    for (let length = whole.length; length >= 0; length -= 61) {
      truncateSync(path, length);
      const read = recordsOf(await readTest(directory)).length;
      expect(read).toBeGreaterThanOrEqual(atLeast);
      expect(read).toBeLessThanOrEqual(2);
    }
    writeFileSync(path, whole);
  }
  expect(recordsOf(await readTest(directory)).map(({ outcome }) => outcome)).toEqual([completed, completed]);
});

test("records of two workers are one list, by the time they fell due", async () => {
  const { directory, journal } = begun();
  using second = openJournal(directory, { worker: 1, virtual: true });
  dueOn(second, "cached", 0);
  dueOn(journal, "plain", 1);
  dueOn(second, "cached", 1);
  dueOn(journal, "plain", 0);
  second.close();
  journal.close();
  const records = recordsOf(await readTest(directory));
  expect(records.map(({ engine, request }) => `${engine} ${request}`)).toEqual(["cached 0", "plain 0", "cached 1", "plain 1"]);
});

test("of those that fell due at once the lower number comes first, and engines come in their own order", async () => {
  const { directory, journal } = begun(3);
  for (const [engine, request] of [
    ["plain", 2],
    ["plain", 0],
    ["cached", 1],
    ["plain", 1],
  ] as const)
    journal.due({ experiment: 0, block: 0, engine, request, start, due: 0 });
  journal.close();
  const records = recordsOf(await readTest(directory));
  expect(records.map(({ engine, request }) => `${engine} ${request}`)).toEqual(["cached 1", "plain 0", "plain 1", "plain 2"]);
});

test("of a run that was cut off no table is damaged, each experiment has its own readings, and all its blocks are scheduled", async () => {
  const { directory, journal } = begun();
  const { experiments, ...description } = describedTest(2);
  journal.describe({ ...description, experiments: [...experiments, ...experiments].map((experiment) => ({ ...experiment, repeats: 3 })) });
  const reading = { at: 3, series: "gpu-memory-mib", of: "gpu-0", value: 9075 };
  journal.reading(1, reading);
  journal.flush();
  const result = await readTest(directory);
  journal.close();
  expect(result).not.toHaveProperty("damaged");
  expect(result.experiments.map(({ readings, neverDue }) => [readings, neverDue])).toEqual([
    [[], 2 * 2 * 3],
    [[reading], 2 * 2 * 3],
  ]);
});

test("readings, events, verdicts and what engines told of themselves come back", async () => {
  const { directory, journal } = begun();
  writeManifest(dirname(directory), {
    schema: 1,
    tandem: "0.1.0",
    startedAt: "2026-11-24T09:30:00Z",
    commandLine: [],
    host: {},
    simulated: true,
  });
  const reading = { at: 3, series: "gpu-memory-mib", of: "gpu-0", value: 9075 };
  const verdict = { experiment: 0, check: "every request succeeds", ok: true, observed: 0, wanted: "at most 0" };
  journal.event(0, { kind: "testStarted", test: "test_two", engines: ["cached", "plain"], experiments: 1 });
  journal.event(SECOND, { kind: "ready", engine: "plain", after: 1, url: "http://127.0.0.1:8000", facts: { version: "0.24.0" } });
  journal.event(2 * SECOND, {
    kind: "requests",
    experiment: 0,
    engine: "plain",
    sent: 1,
    ended: 0,
    dropped: 0,
    failed: 0,
    ttft: undefined,
  }); // the stamps say it
  journal.reading(0, reading);
  journal.verdicts([verdict]);
  journal.event(9 * SECOND, { kind: "testEnded", test: "test_two" });
  journal.close();

  const result = await readTest(directory);
  expect(result.manifest.tandem).toBe("0.1.0");
  expect(result.experiments[0]?.readings).toEqual([reading]);
  expect(result.verdicts).toEqual([verdict]);
  expect(result.facts).toEqual({ plain: { version: "0.24.0" } });
  expect(result.events.map(({ event }) => event.kind)).toEqual(["testStarted", "ready", "testEnded"]);
  expect(result).toMatchObject({ complete: true, lasted: 9 });
});

test("a server that was up already and says that it is Tandem's simulated engine is simulated; one of another version is not", async () => {
  const readyAs = async (version: string) => {
    const directory = join(freshDirectory(), "test_two");
    const journal = openJournal(directory, { virtual: true });
    const { engines, ...described } = describedTest(1);
    journal.describe({
      ...described,
      simulated: false,
      engines: engines.map((engine) => ({ ...engine, kind: "attached", simulated: false })),
    });
    journal.event(SECOND, { kind: "ready", engine: "plain", after: 1, url: "http://127.0.0.1:8000", facts: { version } });
    journal.close();
    const { description } = await readTest(directory);
    return [description.simulated, ...description.engines.map(({ name, simulated }) => `${name} ${simulated}`)];
  };
  expect(await readyAs(simulatedVersion)).toEqual([true, "cached false", "plain true"]);
  expect(await readyAs("0.32.0")).toEqual([false, "cached false", "plain false"]);
});

test("a test that had only been described is read as one in which nothing fell due", async () => {
  const { directory } = begun();
  rmSync(join(directory, "journal"), { recursive: true });
  rmSync(join(directory, "workloads"), { recursive: true });
  const result = await readTest(directory);
  expect(result).toMatchObject({ complete: false, events: [], verdicts: [], facts: {}, manifest: { tandem: "unknown" } });
  expect(result.experiments).toMatchObject([{ records: [], readings: [], neverDue: 4 }]);
  expect(result).not.toHaveProperty("lasted");
});

test("a run goes on while the process that makes it is alive on this machine, until the test has ended", async () => {
  const { directory, journal } = begun();
  const startedAt = processEntry(process.pid)?.startedAt ?? "";
  const goesOn = async (host: string, maker?: RunManifest["process"]) => {
    const described = { schema: 1, tandem: "", startedAt: "", commandLine: [], host: { name: host }, simulated: false } as const;
    writeManifest(dirname(directory), { ...described, ...(maker === undefined ? {} : { process: maker }) });
    return (await readTest(directory)).stillRunning === true;
  };
  const alive = { pid: process.pid, startedAt };
  expect(await goesOn(hostname(), alive)).toBe(true);
  expect(await goesOn("another-machine", alive)).toBe(false);
  expect(await goesOn(hostname(), { ...alive, startedAt: `${startedAt}0` })).toBe(false);
  expect(await goesOn(hostname())).toBe(false);
  journal.event(SECOND, { kind: "testEnded", test: "test_two" });
  expect(await goesOn(hostname(), alive)).toBe(false);
  journal.close();
});

test("what became of a killed harness's engines follows its events, whole lines only, also where its own last line was cut off", async () => {
  const { directory, journal } = begun();
  journal.event(1, { kind: "warning", message: "one" });
  journal.event(2, { kind: "warning", message: "cut off" });
  const { processes, containers } = aftermathFiles(directory);
  writeFileSync(eventsFile(directory), readFileSync(eventsFile(directory), "utf8").slice(0, -5));
  const aftermath = { files: { processes, containers }, origin: process.hrtime() } as const;
  tellAfterwards(aftermath, "processes", { kind: "endedAfterUs", what: "processes", count: 3, after: 0.2 });
  tellAfterwards(aftermath, "containers", { kind: "endedAfterUs", what: "containers", count: 1, after: 0.4 });
  tellAfterwards(aftermath, "processes", { kind: "gpuMemoryBack", gpu: "0", after: 2 });
  writeFileSync(processes, readFileSync(processes, "utf8").slice(0, -5));
  const { events, complete } = await readTest(directory);
  expect(events.map(({ event }) => (event.kind === "endedAfterUs" ? event.what : event.kind))).toEqual([
    "warning",
    "processes",
    "containers",
  ]);
  expect(complete).toBe(false);
});

test("who writes to files that somebody has removed hears of it within seconds", async () => {
  const { directory } = begun();
  const other = join(directory, "other");
  using journal = openJournal(other);
  rmSync(other, { recursive: true });
  await expect(journal.failed).resolves.toMatchObject({
    code: "output",
    message: `${other} was removed while it was written: what was recorded is lost`,
  });
});

test("a test that was interrupted came to its end, and is not complete", async () => {
  const { directory, journal } = begun();
  journal.event(1, { kind: "interrupted", signal: "SIGINT" });
  journal.event(2, { kind: "testEnded", test: "test_two" });
  journal.close();
  const { complete, stillRunning } = await readTest(directory);
  expect([complete, stillRunning]).toEqual([false, undefined]);
});

test("an event cut off in its line is left out, damage in the middle is told with its line", async () => {
  const { directory, journal } = begun();
  journal.event(1, { kind: "testStarted", test: "test_two", engines: [], experiments: 1 });
  journal.event(2, { kind: "testEnded", test: "test_two" });
  journal.close();
  const whole = readFileSync(eventsFile(directory), "utf8");
  writeFileSync(eventsFile(directory), whole.slice(0, -5));
  expect((await readTest(directory)).events).toHaveLength(1);
  writeFileSync(eventsFile(directory), `oops\n${whole}`);
  await expect(readTest(directory)).rejects.toThrow("events.jsonl, line 1 is damaged: not JSON");
});

test("what is no journal of ours, or of another version, is refused and named", async () => {
  await expect(readTest(freshDirectory())).rejects.toMatchObject({
    code: "journal",
    message: expect.stringContaining("test.json cannot be read"),
  });

  const { directory, journal } = begun();
  dueOn(journal, "plain", 0);
  journal.close();
  writeFileSync(tableFile(directory, "stamps", 0), tableOfVersion("2"));
  await expect(readTest(directory)).rejects.toThrow(/stamps-0.arrow has journal version 2; this tandem reads version 1/);
  rmSync(workloadFile(directory, 0));
  await expect(readTest(directory)).rejects.toMatchObject({ code: "journal" });
  writeFileSync(join(directory, "test.json"), '{"schema":2}');
  await expect(readTest(directory)).rejects.toThrow("is not a test of version 1");
});

function tableOfVersion(version: string): Uint8Array {
  const schema = new Schema([new Field("exchange", new Int32())], new Map([["tandem.schema", version]]));
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  return writer.toUint8Array(true);
}

test("a journal is never written over", () => {
  const { directory } = begun();
  expect(() => openJournal(directory)).toThrow(/already/);
  expect(() => openJournal(directory)).toThrow(expect.objectContaining({ code: "output", exitCode: 2 }));
});

test("where a directory cannot be made, the error says which and why", () => {
  const file = join(freshDirectory(), "file");
  writeFileSync(file, "");
  expect(() => openJournal(join(file, "test_two"))).toThrow(/cannot write .*file\/test_two\/journal: ENOTDIR/);
  mkdirSync(`${file}s`);
  expect(() => writeManifest(file, { schema: 1, tandem: "", startedAt: "", commandLine: [], host: {}, simulated: false })).toThrow(
    `cannot write ${manifestFile(file)}`,
  );
});

test.runIf(process.platform === "linux")("a journal of nothing takes what any other takes, and opens no file", () => {
  const openFiles = () => readdirSync("/proc/self/fd").flatMap((file) => unlessGone(() => readlinkSync(`/proc/self/fd/${file}`)) ?? []);
  const before = openFiles();
  using journal = journalOfNothing({ worker: 1 });
  const exchange = journal.due({ experiment: 0, block: 0, engine: "a", request: 0, start: 0, due: 0 });
  journal.stamp(exchange, "sent", 1, 0);
  journal.texts(exchange, 2, 40_000); // more than a batch, so that some are written
  journal.ended(exchange, 3, { outcome: { kind: "completed" } });
  const opened = openFiles().filter((path) => !before.includes(path) && !path.endsWith("/fd"));
  expect(new Set(opened)).toEqual(new Set([devNull].filter((path) => !before.includes(path))));
});
