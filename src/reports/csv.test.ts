import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseLegacyCsv } from "../journal/legacyCsv.ts";
import { experimentOf, record, resultOf } from "../measure/fixture.ts";
import { e2e, throughput, timeToHeaders, tokensOfEvents, tpot, ttft, ttftFromDue } from "../measure/latency.ts";
import { figuresOf } from "../measure/testFigures.ts";
import { dropped, failed } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { csv, csvText } from "./csv.ts";
import { fixture } from "./fixture.ts";

const seedColumns = "timestamp,engine_id,request_id,TTFT,throughput,latency,context_len,query_len,gpu_memory,expr_id";
const ourColumns =
  "engine,block,outcome,failure,due_seconds,sent_seconds,ttft_due_seconds,ttft_headers_seconds,e2e_due_seconds,tpot_seconds,prompt_tokens,cached_tokens,output_tokens,output_tokens_source,attempts,cache,simulated,after_request,ended_seconds";

test("the columns of lmcache-tests come first, ours after", () => {
  expect(csvText(fixture()).split("\n")[0]).toBe(`${seedColumns},${ourColumns}`);
});

test("a row holds what was stamped, and a failed request has empty cells and its reason", () => {
  // Sent 0.2 ms late; first token after 0.5 s, then one every 50 ms: 3 tokens in 0.6 s, 20 tokens/s.
  const result = fixture({
    engines: ["only"],
    contexts: [4_096],
    requests: 2,
    outputTokens: 3,
    tokenEvery: 0.05,
    ttft: ({ request }) => (request === 0 ? 0.5 : undefined),
  });
  expect(csvText(result).split("\n").slice(1)).toEqual([
    "0.000000,0,0,0.500000,20.000,0.600000,4096,16,,0,only,0,completed,,0.000000,0.000200,0.500200,0.030000,0.600200,0.050000,4112,0,3,usage,1,cold,true,,0.600300",
    "8.000000,0,1,,,,4096,16,,0,only,0,failed,first-token-timeout: no token within 120 s,8.000000,8.000200,,,,,,,,,1,warm,true,,128.000200",
    "",
  ]);
});

test("a file that is read back has the figures of each request that it was made of", () => {
  const { chunks: _chunks, sent: _sent, ended: _ended, ...unsent } = record([]);
  const records = [
    record([[1], [1.5], [2]], { due: 0.1, sent: 0.3, headers: 0.5e9, promptTokens: 120, cachedTokens: 96, cache: "warm" }),
    record([
      [1, "text", 4],
      [1.5, "text", 4],
      [2, "text", 8],
    ]),
    record([[1], [4, "text", 100]]),
    record([[1]]),
    record([[1, "text", 5]]),
    record([[1], [2]], { outputTokens: 1 }),
    record([[1, "text", 2], [2]], { outputTokens: 2, outputTokensSource: "tokenizer" }),
    record([[0.1], [0.2], [5, "text", 1_000]], { after: 2 }),
    record([[1], [2]], { outcome: failed("disconnected", "gone"), attempts: 2 }),
    { ...unsent, chunks: record([]).chunks, outcome: dropped("request 2 failed") },
    record([[1], [2]], { outcome: { kind: "cancelled" } }),
  ].map((one, request) => ({ ...one, request }));
  const [read] = parseLegacyCsv(csvText(resultOf(experimentOf(records), ["plain"])), "test_a.csv").experiments;
  const figures = (one: RequestRecord) => ({
    latencies:
      one.outcome.kind === "completed"
        ? [ttft, ttftFromDue, timeToHeaders, e2e, tpot, throughput].map((metric) => metric(one)?.toPrecision(4))
        : [],
    tokens:
      one.outcome.kind === "completed" ? [one.outputTokens, one.outputTokensSource, tokensOfEvents(one) >= (one.outputTokens ?? 0)] : [],
    is: [one.outcome, one.attempts, one.after, one.cache, one.promptTokens, one.cachedTokens, one.due, one.sent, one.ended],
  });
  const inOrder = (read?.records ?? []).toSorted((first, second) => first.request - second.request);
  expect(inOrder.map(figures)).toEqual(records.map(figures));
});

test("a file that is read back has the rates of its run, also where one of many requests failed long after the others were over", () => {
  const good = [0, 1, 2].map((request) => record([[request + 1], [request + 2]], { request, due: request }));
  const timedOut = record([], { request: 3, due: 1, ended: 6, outcome: failed("first-token-timeout", "no token within 5 s") });
  const run = resultOf(experimentOf([...good, timedOut]), ["plain"]);
  const read = parseLegacyCsv(csvText(run), "test_a.csv");
  const rates = [run, read].map((result) => figuresOf(result).experiments[0]?.summaries[0]?.requestsPerSecond);
  expect(rates).toEqual([0.5, 0.5]); // 3 in 6 s, not in 4
});

test("engines are numbered as they were declared, whatever order their records came in", () => {
  const result = fixture({ contexts: [1_024, 2_048], requests: 1 });
  const turned = {
    ...result,
    experiments: result.experiments.map(turnedRound),
  };
  expect(rowsOf(csvText(turned)).map((row) => [row[9], row[1], row[10]])).toEqual([
    ["0", "0", "cached"],
    ["0", "1", "plain"],
    ["1", "0", "cached"],
    ["1", "1", "plain"],
  ]);
});

test("GPU memory is the highest reading of each GPU within the experiment, and empty where none was read", () => {
  const [row] = rowsOf(csvText(fixture({ contexts: [10_000], requests: 1, gpuMemory: true })));
  expect(row?.[8]).toBe('{"gpu-0":63300,"gpu-1":63700}');
  expect(rowsOf(csvText(fixture({ contexts: [10_000], requests: 1 })))[0]?.[8]).toBe("");
});

test("whatever a message contains comes back from a reader that follows RFC 4180", () => {
  fc.assert(
    fc.property(fc.string(), (message) => {
      const rows = rowsOf(csvText(withMessage(fixture({ engines: ["only"], contexts: [64], requests: 1 }), message)));
      expect(rows.map((row) => [row.length, row[13]])).toEqual([[29, `bad-response: ${message}`]]);
    }),
  );
});

test("thousands of requests have a row each, in their order", () => {
  const records = Array.from({ length: 2_500 }, (_, request) => ({ ...record([[1]]), request }));
  expect(rowsOf(csvText(resultOf(experimentOf(records), ["plain"]))).map((row) => Number(row[2]))).toEqual(
    records.map(({ request }) => request),
  );
});

test("the same result gives the same bytes", async () => {
  expect(await csv.write(fixture())).toEqual(await csv.write(fixture()));
});

function turnedRound(experiment: ExperimentResult): ExperimentResult {
  return { ...experiment, records: experiment.records.toReversed() };
}

function withMessage(result: TestResult, message: string): TestResult {
  const failing = (record: RequestRecord) => ({ ...record, outcome: failed("bad-response", message) });
  const allFailing = (experiment: ExperimentResult) => ({ ...experiment, records: experiment.records.map(failing) });
  return { ...result, experiments: result.experiments.map(allFailing) };
}

/** The rows below the header, read as RFC 4180 says. */
function rowsOf(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
    if (end === "\n") rows.push([]);
  }
  return rows.slice(1, -1);
}

test("docs/csv.md has every column there is", () => {
  const text = readFileSync(new URL("../../docs/csv.md", import.meta.url), "utf8");
  const [header = ""] = csvText(fixture()).split("\n");
  expect(header.split(",").filter((column) => !text.includes(`\`${column}\``))).toEqual([]);
});
