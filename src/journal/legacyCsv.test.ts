import { expect, test } from "vitest";
import { throughput, ttft } from "../measure/latency.ts";
import { telemetryOf } from "../measure/telemetry.ts";
import { momentsOf } from "../model/chunks.ts";
import { HarnessError } from "../model/harnessError.ts";
import { parseLegacyCsv } from "./legacyCsv.ts";

const header = "expr_id,timestamp,engine_id,request_id,TTFT,throughput,latency,context_len,query_len,gpu_memory";
const memory = '"{""gpu-0"": 9075, ""gpu-1"": 644}"';

const old = [
  header,
  `0,0.0,0,0,4.1,50.0,8.1,24576,16,${memory}`, // 200 chunks in 4 s
  `0,8.0,0,1,0.25,50.0,4.25,24576,16,${memory}`,
  `0,0.0,1,0,4.0,40.0,9.0,24576,16,${memory}`,
  `0,8.0,1,1,-1,-1,-1,24576,16,${memory}`,
  "",
].join("\n");

test("a file of lmcache-tests becomes a result: two engines, one experiment, TTFT counted from the headers", () => {
  const { description, experiments, manifest, ttftAnchor } = parseLegacyCsv(old, "outputs/test_lmcache_local_cpu_mistralai.csv");
  expect(description).toMatchObject({ test: "test_lmcache_local_cpu_mistralai", simulated: false, baseline: "engine 1" });
  expect(description.engines.map(({ name }) => name)).toEqual(["engine 0", "engine 1"]);
  expect(description.experiments.map(({ title }) => title)).toEqual(["experiment 0, 24,576 context tokens"]);
  expect(experiments.map(({ records }) => records.length)).toEqual([4]);
  expect([manifest.tandem, ttftAnchor]).toEqual(["none: written by lmcache-tests", "headers"]);
});

test("TTFT and latency come out as in the file, output tokens as the chunks that were counted", () => {
  const record = parseLegacyCsv(old, "old.csv").experiments[0]?.records[0];
  expect(record).toMatchObject({
    engine: "engine 0",
    request: 0,
    due: 0,
    sent: 0,
    ended: 8.1e9,
    outputTokens: 200,
    outputTokensSource: "events",
    outcome: { kind: "completed" },
    attempts: 1,
    block: 0,
    contextTokens: 24_576,
    questionTokens: 16,
  });
  expect(record && [...momentsOf(record.chunks)]).toEqual([4.1e9, 8.1e9]);
});

test("-1 is a failure without a time, never a number", () => {
  const record = parseLegacyCsv(old, "old.csv").experiments[0]?.records.find(
    ({ engine, request }) => engine === "engine 1" && request === 1,
  );
  expect(record?.outcome.kind).toBe("failed");
  expect(record && momentsOf(record.chunks)).toHaveLength(0);
  expect(record).not.toHaveProperty("ended");
  expect(record).not.toHaveProperty("sent");
  expect(record).not.toHaveProperty("outputTokens");
});

test("a reply of which the file tells no end, or no beginning, did not come; a file of failures lasts until the last of them fell due", () => {
  const rows = ["0,0,0,0,1,50,-1,64,16,-1", "0,8,0,1,-1,-1,-1,64,16,-1"];
  const [experiment] = parseLegacyCsv([header, ...rows].join("\n"), "old.csv").experiments;
  expect(experiment?.records.map(({ outcome }) => outcome.kind)).toEqual(["failed", "failed"]);
  expect(experiment?.span).toEqual({ from: 0, to: 8e9 });
  const endOnly = parseLegacyCsv([header, "0,0,0,0,-1,50,2,64,16,"].join("\n"), "old.csv").experiments[0];
  expect(endOnly?.records.map(({ outcome }) => outcome.kind)).toEqual(["failed"]);
});

test("its workloads repeat one context: cold at first, warm after, partial where the context has grown", () => {
  const rows = [12_288, 24_576, 24_576].map((context, i) => `0,${i * 8},0,${i},1,50,2,${context},16,`);
  const records = parseLegacyCsv([header, ...rows].join("\n"), "old.csv").experiments[0]?.records ?? [];
  expect(records.map(({ cache, reusableTokens }) => [cache, reusableTokens])).toEqual([
    ["cold", 0],
    ["partial", 12_288],
    ["warm", 24_576],
  ]);
});

test("what a cache could have is of what fell due before, by number where two did at once, wherever the rows are", () => {
  const due = [
    [8, 0, 24_576],
    [0, 2, 12_288],
    [0, 1, 12_288],
  ] as const;
  const rows = due.map(([at, id, context]) => `0,${at},0,${id},1,50,2,${context},16,`);
  const { experiments, description } = parseLegacyCsv([header, ...rows].join("\n"), "old.csv");
  const records = experiments[0]?.records ?? [];
  expect(records.map(({ request, cache }) => `${request} ${cache}`)).toEqual(["1 cold", "2 warm", "0 partial"]);
  expect(description.experiments[0]?.title).toBe("experiment 0, 12,288 to 24,576 context tokens");
});

test("the engine with the last number is the baseline, whichever comes first in the file; one that was simulated makes all of it so", () => {
  const row = (id: number, name: string, simulated: boolean) => `0,0,${id},0,1,50,2,64,16,,${name},${simulated}`;
  const read = (...rows: readonly string[]) => parseLegacyCsv([`${header},engine,simulated`, ...rows].join("\n"), "old.csv");
  const { description, manifest, complete } = read(row(1, "plain", false), row(0, "cached", true));
  expect(description).toMatchObject({ baseline: "plain", simulated: true, engines: [{ name: "cached" }, { name: "plain" }] });
  expect([manifest.simulated, complete]).toEqual([true, true]);
  expect(read(row(0, "cached", false)).description).not.toHaveProperty("baseline");
});

test("a throughput that is no number tells no tokens, and a failure in words of its own keeps them", () => {
  const rows = ["inf", "-inf", "NaN", "", "-1", "0"].map((cell, id) => `0,0,0,${id},1,${cell},2,64,16,,completed,`);
  const failures = ["it broke", "empty", "odd-code: x"].map((cell, id) => `0,0,0,${10 + id},,,,64,16,,failed,${cell}`);
  const text = [`${header},outcome,failure`, ...rows, ...failures].join("\n");
  const records = parseLegacyCsv(text, "old.csv").experiments[0]?.records ?? [];
  const [replies, failed] = [records.slice(0, rows.length), records.slice(rows.length)];
  expect(replies.map((record) => [ttft(record), throughput(record), "outputTokens" in record])).toEqual(
    rows.map(() => [1, undefined, false]),
  );
  expect(failed.map(({ outcome }) => outcome)).toEqual([
    { kind: "failed", code: "bad-response", message: "it broke" },
    { kind: "failed", code: "empty", message: "empty" },
    { kind: "failed", code: "bad-response", message: "odd-code: x" },
  ]);
});

test("memory of each GPU becomes a reading; an empty cell and a turn without an experiment number are fine", () => {
  const text = [header, `-,0.0,0,0,1.0,50.0,2.0,100,16,${memory}`, "-,8.0,0,1,1.0,50.0,2.0,100,16,"].join("\n");
  const [experiment] = parseLegacyCsv(text, "old.csv").experiments;
  expect(experiment?.readings).toEqual([
    { at: 2e9, series: "gpu-memory-mib", of: "gpu-0", value: 9075 },
    { at: 2e9, series: "gpu-memory-mib", of: "gpu-1", value: 644 },
  ]);
  expect(experiment?.records).toHaveLength(2);
});

test("our own file brings names, blocks, reasons and counts in the columns after those", () => {
  const columns =
    "timestamp,engine_id,request_id,TTFT,throughput,latency,context_len,query_len,gpu_memory,expr_id,engine,block,outcome,failure," +
    "due_seconds,sent_seconds,ttft_due_seconds,ttft_headers_seconds,e2e_due_seconds,tpot_seconds,prompt_tokens,cached_tokens,output_tokens," +
    "output_tokens_source,attempts,cache,simulated,after_request";
  const good = "0,0,0,0.5,99.5,2.5,8192,16,,0,cached,1,completed,,0,0.001,0.501,0.1,2.501,0.01,8208,8192,200,usage,2,warm,true,7";
  const bad = "8,1,0,,,,8192,16,,0,plain,0,failed,http-status: 503 no,8,8.001,,,,,,,,,1,warm,true,";
  const result = parseLegacyCsv([columns, good, bad].join("\r\n"), "test_a.simulated.csv");
  expect(result).toMatchObject({ ttftAnchor: "sent", description: { test: "test_a", simulated: true, baseline: "plain" } });
  const records = result.experiments[0]?.records ?? [];
  expect(records).toMatchObject([
    {
      engine: "cached",
      block: 1,
      sent: 1_000_000,
      headers: 101_000_000,
      ended: 2_501_000_000,
      attempts: 2,
      after: 7,
      cache: "warm",
      promptTokens: 8208,
      cachedTokens: 8192,
      outputTokens: 200,
      outputTokensSource: "usage",
      outcome: { kind: "completed" },
    },
    { engine: "plain", block: 0, sent: 8_001_000_000, outcome: { kind: "failed", code: "http-status", message: "503 no" } },
  ]);
});

test("of our own file a reply that was cut off, or failed, is none that was completed, though its first token came; times count from being sent", () => {
  const columns = `${header},engine,block,outcome,sent_seconds`;
  const rows = ["completed", "failed", "cancelled"].map((outcome, request) => `0,1,0,${request},0.5,,2.5,64,16,,plain,0,${outcome},3`);
  const again = "0,1,0,0,0.5,,2.5,64,16,,plain,1,completed,3";
  const { description, experiments, gapsUnknown } = parseLegacyCsv([columns, ...rows, again].join("\n"), "test_a.csv");
  const records = experiments[0]?.records ?? [];
  expect(records.map(({ block, outcome }) => `${block} ${outcome.kind}`)).toEqual([
    "0 completed",
    "0 failed",
    "0 cancelled",
    "1 completed",
  ]);
  expect(records.map(ttft)).toEqual([0.5, 0.5, 0.5, 0.5]);
  expect([gapsUnknown, description.experiments[0]?.repeats]).toEqual([true, 2]);
});

test("blocks of our own file came one after the other: of one request at a time there is never more than one in flight", () => {
  const rows = [1, 0].flatMap((block) => [0, 2].map((due) => `0,${due},0,${due},0.5,10,2,64,16,${memory},${block},completed`));
  const { experiments, description } = parseLegacyCsv([`${header},block,outcome`, ...rows].join("\n"), "test_a.csv");
  expect(experiments).toMatchObject([
    {
      starts: [
        { block: 1, at: 4e9 },
        { block: 0, at: 0 },
      ],
      span: { from: 0, to: 8e9 },
    },
  ]);
  const gpu0 = experiments[0]?.readings.filter(({ of }) => of === "gpu-0") ?? [];
  expect(gpu0.map(({ at }) => at)).toEqual([2e9, 4e9, 6e9, 8e9]);
  const [telemetry] = experiments.map((experiment) => telemetryOf(experiment, description.engines));
  expect(telemetry).toMatchObject({ engines: [{ series: "requests-in-flight", mean: 1, max: 1 }], lasts: 8 });
});

test("all mistakes of a file are told at once, with their lines", () => {
  const text = [header, "0,zero,0,0,4.1,50,8.1,24576,16,", "0,8,0,1.5,4.1,50,-8,24576,16,{bad}", "0,8,0"].join("\n");
  expect(mistakesOf(text)).toEqual([
    "line 4 has 3 cells, the header has 10",
    'line 2: timestamp is "zero", wanted a number from 0 up, or -1 for a failure',
    'line 3: request_id is "1.5", wanted a whole number',
    'line 3: latency is "-8", wanted a number from 0 up, or -1 for a failure',
    'line 3: gpu_memory is "{bad}", wanted JSON like {"gpu-0": 9075}',
  ]);
});

test("one column that is missing, one cell that is no number, or one request that is there twice is enough", () => {
  expect(mistakesOf([header.replace(",latency", ""), "0,0,0,0,1,50,24576,16,"].join("\n"))).toEqual(["line 1: no column latency"]);
  expect(mistakesOf([header, "0,0,0,0,1 s,50,2,64,16,"].join("\n"))).toEqual([
    'line 2: TTFT is "1 s", wanted a number from 0 up, or -1 for a failure',
  ]);
  const memories = ['"{""gpu-0"": ""9075""}"', "9075", "null"];
  expect(memories.map((cell) => mistakesOf([header, `0,0,0,0,1,50,2,64,16,${cell}`].join("\n")).length)).toEqual([1, 1, 1]);
  expect(mistakesOf([`${header},outcome`, "0,0,0,0,1,50,2,64,16,,done"].join("\n"))).toEqual([
    'line 2: outcome is "done", wanted one of completed, failed, cancelled, dropped',
  ]);
  expect(mistakesOf([header, "0,0,0,0,1,50,2,64,16,", "0,8,0,0,1,50,2,64,16,"].join("\n"))).toEqual([
    "line 3: request 0 of engine 0 in experiment 0 is in line 2 already: two results in one file?",
  ]);
});

test("a request that is there twice is refused: nobody knows which of the two another engine's is to be paired with", () => {
  const rows = [
    "0,0,0,0,4.1,50,8.1,24576,16,",
    "0,8,0,1,4.1,50,8.1,24576,16,",
    "0,0,0,0,4.2,50,8.1,24576,16,",
    "0,8,0,1,4.2,50,8.1,24576,16,",
  ];
  expect(mistakesOf([header, ...rows].join("\n"))).toEqual([
    "line 4: request 0 of engine 0 in experiment 0 is in line 2 already, and 1 others are there again too: two results in one file?",
  ]);
});

test("a file without the columns, without a request, or without anything is refused for that reason", () => {
  expect(mistakesOf("a,b\n1,2\n")).toEqual([expect.stringContaining("line 1: no column timestamp, engine_id")]);
  expect(mistakesOf(header)).toEqual(["no request: the file has a header at most"]);
  expect(mistakesOf("")).toEqual([expect.stringContaining("no column timestamp")]);
});

function mistakesOf(text: string): readonly string[] {
  try {
    parseLegacyCsv(text, "old.csv");
  } catch (error) {
    if (error instanceof HarnessError && error.code === "journal") return error.hint?.split("\n") ?? [];
    throw error;
  }
  return [];
}

test("a file of a hundred and fifty thousand rows is read, in time that grows with their number", () => {
  const rows = Array.from({ length: 150_000 }, (_, id) => `0,${id}.0,0,${id},0.25,50.0,4.25,24576,16,`);
  const { experiments } = parseLegacyCsv([header, ...rows, ""].join("\n"), "old.csv");
  expect(experiments[0]?.records).toHaveLength(150_000);
  expect(experiments[0]?.span).toEqual({ from: 0, to: 150_003.25e9 });
});
