import { e2e, e2eFromDue, throughput, timeToHeaders, tpot, ttft, ttftFromDue } from "../measure/latency.ts";
import { isCompleted } from "../measure/summary.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Report } from "../model/report.ts";
import type { EngineDescription, ExperimentResult, TestResult } from "../model/result.ts";
import { toSeconds } from "../model/time.ts";
import { peakGpuMemory } from "./gpuMemory.ts";

/**
 * One row per request that was due. The columns of lmcache-tests come first, in its units; an empty cell is no data.
 * Only completed requests have latencies, so that an average over a column is one of whole replies.
 */
export const csv: Report = {
  kind: "csv",
  extension: "csv",
  write: async (result) => Buffer.concat(Array.from(piecesOf(result), (piece) => Buffer.from(piece))),
};

/** Lines end in a line feed; cells with a comma, a quote or a line break are quoted as RFC 4180 has it. */
export function csvText(result: TestResult): string {
  return [...piecesOf(result)].join("");
}

const linesInPiece = 1_000;

/** Each is made bytes before the next: millions of lines at once are longer than a string can be, and long before that slow to keep. */
function* piecesOf(result: TestResult): Iterable<string> {
  yield lineOf(([name]) => name);
  const rows = rowsOf(result);
  for (let from = 0; from < rows.length; from += linesInPiece) {
    const lines = rows.slice(from, from + linesInPiece).map((row) => lineOf(([, cell]) => cell(row)));
    yield lines.join("");
  }
}

function lineOf(cellIn: (column: (typeof columns)[number]) => string): string {
  return `${columns.map(cellIn).join(",")}\n`;
}

interface Row {
  readonly record: RequestRecord;
  readonly engine: EngineDescription;
  readonly engineId: number;
  readonly gpuMemory: string;
}

const columns: readonly (readonly [string, (row: Row) => string])[] = [
  ["timestamp", ({ record }) => seconds(toSeconds(record.due))],
  ["engine_id", ({ engineId }) => String(engineId)],
  ["request_id", ({ record }) => String(record.request)],
  ["TTFT", ({ record }) => seconds(ofCompleted(ttft, record))],
  ["throughput", ({ record }) => tokensPerSecond(ofCompleted(throughput, record))],
  ["latency", ({ record }) => seconds(ofCompleted(e2e, record))],
  ["context_len", ({ record }) => String(record.contextTokens)],
  ["query_len", ({ record }) => String(record.questionTokens)],
  ["gpu_memory", ({ gpuMemory }) => quoted(gpuMemory)],
  ["expr_id", ({ record }) => String(record.experiment)],
  ["engine", ({ engine }) => quoted(engine.name)],
  ["block", ({ record }) => String(record.block)],
  ["outcome", ({ record }) => record.outcome.kind],
  ["failure", ({ record }) => quoted(failureOf(record))],
  ["due_seconds", ({ record }) => seconds(toSeconds(record.due))],
  ["sent_seconds", ({ record }) => seconds(record.sent === undefined ? undefined : toSeconds(record.sent))],
  ["ttft_due_seconds", ({ record }) => seconds(ofCompleted(ttftFromDue, record))],
  ["ttft_headers_seconds", ({ record }) => seconds(ofCompleted(timeToHeaders, record))],
  ["e2e_due_seconds", ({ record }) => seconds(ofCompleted(e2eFromDue, record))],
  ["tpot_seconds", ({ record }) => seconds(ofCompleted(tpot, record))],
  ["prompt_tokens", ({ record }) => whole(record.promptTokens)],
  ["cached_tokens", ({ record }) => whole(record.cachedTokens)],
  ["output_tokens", ({ record }) => whole(record.outputTokens)],
  ["output_tokens_source", ({ record }) => record.outputTokensSource ?? ""],
  ["attempts", ({ record }) => String(record.attempts)],
  ["cache", ({ record }) => record.cache],
  ["simulated", ({ engine }) => String(engine.simulated)],
  ["after_request", ({ record }) => whole(record.after)],
  ["ended_seconds", ({ record }) => seconds(record.ended === undefined ? undefined : toSeconds(record.ended))],
];

// Experiment by experiment, engine by engine as they were declared, in the order of the requests.
function rowsOf({ description, experiments }: TestResult): readonly Row[] {
  return experiments.flatMap((experiment) => description.engines.flatMap((engine, engineId) => rowsOfEngine(experiment, engine, engineId)));
}

function rowsOfEngine(experiment: ExperimentResult, engine: EngineDescription, engineId: number): readonly Row[] {
  const peak = peakGpuMemory(experiment);
  const gpuMemory = peak === undefined ? "" : JSON.stringify(peak);
  return experiment.records
    .filter((record) => record.engine === engine.name)
    .toSorted((a, b) => a.block - b.block || a.request - b.request)
    .map((record) => ({ record, engine, engineId, gpuMemory }));
}

function ofCompleted(metric: (record: RequestRecord) => number | undefined, record: RequestRecord): number | undefined {
  return isCompleted(record) ? metric(record) : undefined;
}

function failureOf({ outcome }: RequestRecord): string {
  switch (outcome.kind) {
    case "failed":
      return `${outcome.code}: ${outcome.message}`;
    case "dropped":
      return outcome.reason;
    default:
      return "";
  }
}

function seconds(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(6);
}

function tokensPerSecond(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(3);
}

function whole(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

// Here, since a pattern in the function would be made anew for each of a million cells.
const special = /[",\r\n]/;

function quoted(cell: string): string {
  return special.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
