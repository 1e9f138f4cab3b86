import { basename } from "node:path";
import { chunksOf } from "../model/chunks.ts";
import { largestOf, smallestOf } from "../model/extremes.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { completed, dropped, failed, type Outcome } from "../model/outcome.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import { cacheState } from "../model/request.ts";
import type { EngineDescription, ExperimentDescription, ExperimentResult, TestResult } from "../model/result.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { parseCsv } from "./csv.ts";
import { parseRows, type ResultRow } from "./csvRows.ts";

/**
 * A result from the text of a CSV file: one that lmcache-tests wrote, or ours, which has those columns first.
 * `path` gives the test its name, as in `<test>[_<org>][.simulated].csv`. All mistakes are told at once.
 */
export function parseLegacyCsv(text: string, path: string): TestResult {
  const csv = parseCsv(text);
  const { rows, mistakes } = parseRows(csv);
  const all = [...csv.mistakes, ...mistakes];
  if (all.length > 0) throw new HarnessError("journal", `${path} is not a result that can be read`, { hint: all.join("\n") });
  return resultOf(rows, basename(path), csv.columns.includes("outcome"));
}

function resultOf(rows: readonly ResultRow[], fileName: string, ours: boolean): TestResult {
  const engines = enginesOf(rows);
  const simulated = engines.some((engine) => engine.simulated);
  const experiments = [...Map.groupBy(rows, ({ experiment }) => experiment)];
  return {
    description: {
      schema: 1,
      test: fileName.replace(/(\.simulated)?\.csv$/i, ""),
      simulated,
      ...baselineOf(engines),
      engines,
      experiments: experiments.map(([title, of]) => descriptionOf(title, of)),
    },
    manifest: {
      schema: 1,
      tandem: ours ? "unknown" : "none: written by lmcache-tests",
      startedAt: "unknown",
      commandLine: [],
      host: {},
      simulated,
    },
    experiments: experiments.map(([title, of], index) => experimentOf(index, descriptionOf(title, of), of)),
    events: [],
    verdicts: [],
    facts: {},
    complete: true,
    ttftAnchor: ours ? "sent" : "headers",
    gapsUnknown: true,
  };
}

function enginesOf(rows: readonly ResultRow[]): readonly EngineDescription[] {
  const byId = new Map(rows.map((row) => [row.engineId, row]));
  return [...byId.values()].sort((a, b) => a.engineId - b.engineId).map(engineOf);
}

function engineOf({ engine: name, simulated }: ResultRow): EngineDescription {
  return { name, simulated, kind: "unknown", model: "unknown", features: [], gpus: [], batch: 0 };
}

/** lmcache-tests puts the engine under test first and the one it is compared with last; so do most of our tests. The file does not say. */
function baselineOf(engines: readonly EngineDescription[]): { baseline?: string } {
  const last = engines.at(-1);
  return engines.length > 1 && last !== undefined ? { baseline: last.name } : {};
}

function descriptionOf(title: string, rows: readonly ResultRow[]): ExperimentDescription {
  const repeats = 1 + largestOf(rows.map(({ block }) => block));
  const requests = new Set(rows.map(({ request }) => request)).size;
  const contexts = rows.map(({ contextTokens }) => contextTokens);
  return {
    title: `experiment ${title}, ${spread(contexts)} context tokens`,
    workload: { kind: "unknown", options: {}, requests },
    arrivals: { kind: "unknown", options: {} },
    repeats,
  };
}

function spread(values: readonly number[]): string {
  const [low, high] = [smallestOf(values), largestOf(values)].map(grouped);
  return low === high ? `${low}` : `${low} to ${high}`;
}

function experimentOf(index: number, description: ExperimentDescription, rows: readonly ResultRow[]): ExperimentResult {
  const turns = [...Map.groupBy(rows, ({ engine, block }) => `${block} ${engine}`).values()].map((of) => recordsOf(index, of));
  const records = turns.flat();
  const { startOf, to } = startsOf(records);
  const starts = turns.flatMap(([first]) =>
    first === undefined ? [] : [{ engine: first.engine, block: first.block, at: startOf(first.block) }],
  );
  const readings = rows.flatMap((row) => readingsOf(row, startOf(row.block))).sort((one, other) => one.at - other.at);
  return { index, description, records, neverDue: 0, readings, span: { from: 0, to }, starts };
}

/** Each block's times count from its own start, of which the file does not say when it was: they came one after the other. */
function startsOf(records: readonly RequestRecord[]): { startOf: (block: number) => Nanoseconds; to: Nanoseconds } {
  const starts = new Map<number, Nanoseconds>();
  let to = 0;
  for (const [block, of] of [...Map.groupBy(records, (record) => record.block)].sort(([one], [other]) => one - other)) {
    starts.set(block, to);
    to += largestOf(of.map(({ ended, due }) => ended ?? due));
  }
  return { startOf: (block) => starts.get(block) ?? 0, to };
}

/** Of one engine and block, in the order of their due times: what came before says what a cache could have. */
function recordsOf(experiment: number, rows: readonly ResultRow[]): readonly RequestRecord[] {
  const inOrder = [...rows].sort((a, b) => a.due - b.due || a.request - b.request);
  let longest = 0;
  return inOrder.map((row) => {
    const record = recordOf(experiment, row, longest);
    longest = Math.max(longest, row.contextTokens);
    return record;
  });
}

function recordOf(experiment: number, row: ResultRow, seen: number): RequestRecord {
  const { block, engine, request, contextTokens, questionTokens, attempts } = row;
  const reusableTokens = Math.min(seen, contextTokens);
  const cache = row.cache ?? cacheState({ reusableTokens, contextTokens });
  const outcome = outcomeOf(row);
  const of = { experiment, block, engine, request, contextTokens, questionTokens, attempts, reusableTokens, cache, outcome };
  const after = row.after === undefined ? {} : { after: row.after };
  return { ...of, ...after, due: toNanoseconds(row.due), chunks: chunksOf([]), ...stampsOf(row), ...countsOf(row) };
}

/** First and last token, as far as the row has them. What lay between them is not in the file: gaps between tokens cannot be had from it. */
function stampsOf(row: ResultRow): Partial<Pick<RequestRecord, "sent" | "ended" | "chunks" | "headers">> {
  const { due, sent = due, ttft, e2e } = row;
  const ended = row.ended ?? (ttft === undefined || e2e === undefined ? undefined : sent + e2e);
  const end = ended === undefined ? {} : { ended: toNanoseconds(ended) };
  if (ttft === undefined) return row.sent === undefined ? end : { sent: toNanoseconds(row.sent), ...end };
  const tokens = outputTokensOf(row);
  // Where nothing came between them, its first event had all there were.
  const first = Math.max(1, (tokens ?? 1) - (tokensBetween(row) ?? 0));
  const last = e2e === undefined ? [] : [{ after: e2e, tokens: (tokens ?? 2) - first }];
  const all = [{ after: ttft, tokens: first }, ...last];
  return {
    sent: toNanoseconds(sent),
    ...(row.headersAfter === undefined ? {} : { headers: toNanoseconds(sent + row.headersAfter) }),
    chunks: chunksOf(all.map(({ after, tokens }) => ({ at: toNanoseconds(sent + after), kind: "text", tokens }))),
    ...end,
  };
}

function countsOf(row: ResultRow): Partial<Pick<RequestRecord, "promptTokens" | "cachedTokens" | "outputTokens" | "outputTokensSource">> {
  const outputTokens = outputTokensOf(row);
  return {
    ...(row.promptTokens === undefined ? {} : { promptTokens: row.promptTokens }),
    ...(row.cachedTokens === undefined ? {} : { cachedTokens: row.cachedTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens, outputTokensSource: row.outputTokensSource ?? "events" }),
  };
}

/** lmcache-tests divides the number of chunks by the time from the first token to the last: that number comes back. */
function outputTokensOf(row: ResultRow): number | undefined {
  const tokens = row.outputTokens ?? tokensBetween(row);
  return tokens === undefined || tokens > 0 ? tokens : undefined;
}

/** From the first event to the last. */
function tokensBetween({ throughput, ttft, e2e }: ResultRow): number | undefined {
  if (throughput === undefined || ttft === undefined || e2e === undefined) return undefined;
  return Math.round(throughput * (e2e - ttft));
}

function outcomeOf({ outcome, failure, ttft, e2e }: ResultRow): Outcome {
  if (outcome === "dropped") return dropped(failure?.message ?? "");
  if (outcome === "cancelled") return { kind: "cancelled" };
  if (outcome === "completed" || (outcome === undefined && ttft !== undefined && e2e !== undefined)) return completed;
  return failed(failure?.code ?? "bad-response", failure?.message ?? "the file says -1; lmcache-tests keeps no reason");
}

function readingsOf({ due, sent = due, e2e = 0, gpuMemory }: ResultRow, start: Nanoseconds): readonly Reading[] {
  const at = start + toNanoseconds(sent + e2e);
  return Object.entries(gpuMemory).map(([of, value]) => ({ at, series: "gpu-memory-mib", of, value }));
}
