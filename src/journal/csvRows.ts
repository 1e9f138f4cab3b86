import type { TokenSource } from "../model/exchange.ts";
import type { FailureCode } from "../model/outcome.ts";
import type { CacheState } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import type { Csv, CsvRow } from "./csv.ts";

/** One request of one engine as a results CSV tells it. What the file leaves out, or marks with -1, is undefined. */
export interface ResultRow {
  readonly experiment: string;
  readonly block: number;
  readonly engineId: number;
  readonly engine: string;
  readonly request: number;
  readonly due: Seconds;
  readonly sent: Seconds | undefined;
  /** Of any outcome: what failed may have been waited for long after all others were over. */
  readonly ended: Seconds | undefined;
  readonly ttft: Seconds | undefined;
  /** From `sent` to the response head. */
  readonly headersAfter: Seconds | undefined;
  readonly e2e: Seconds | undefined;
  /** Tokens per second. */
  readonly throughput: number | undefined;
  readonly contextTokens: number;
  readonly questionTokens: number;
  /** MiB by GPU. */
  readonly gpuMemory: Readonly<Record<string, number>>;
  readonly outcome: (typeof outcomes)[number] | undefined;
  readonly failure: { readonly code: FailureCode | undefined; readonly message: string } | undefined;
  readonly attempts: number;
  readonly promptTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly outputTokensSource: TokenSource | undefined;
  readonly cache: CacheState | undefined;
  readonly simulated: boolean;
  /** The request whose end it waited for. */
  readonly after: number | undefined;
}

const outcomes = ["completed", "failed", "cancelled", "dropped"] as const;
const tokenSources = ["usage", "tokenizer", "events"] as const satisfies readonly TokenSource[];
const cacheStates = ["cold", "partial", "warm"] as const satisfies readonly CacheState[];
const needed = ["timestamp", "engine_id", "request_id", "TTFT", "throughput", "latency", "context_len", "query_len", "expr_id"];

export function parseRows(csv: Csv): { rows: readonly ResultRow[]; mistakes: readonly string[] } {
  const absent = needed.filter((column) => !csv.columns.includes(column));
  if (absent.length > 0) return { rows: [], mistakes: [`line 1: no column ${absent.join(", ")}`] };
  if (csv.rows.length === 0) return { rows: [], mistakes: ["no request: the file has a header at most"] };
  const mistakes: string[] = [];
  const rows = csv.rows.map((row) => rowOf(new Cells(row, mistakes)));
  return { rows, mistakes: mistakes.length > 0 ? mistakes : thereTwice(rows, csv) };
}

/** Requests are paired by their number: of two with the same one, nobody knows which is meant. */
function thereTwice(rows: readonly ResultRow[], csv: Csv): readonly string[] {
  const alike = Map.groupBy(rows.keys(), (place) => {
    const { experiment, block, engineId, request } = rows[place] ?? {};
    return [experiment, block, engineId, request].join(" ");
  });
  const twice = [...alike.values()].filter(({ length }) => length > 1);
  const [first = 0, again = 0] = twice[0] ?? [];
  const row = rows[again];
  if (twice.length === 0 || row === undefined) return [];
  const others = twice.length === 1 ? "" : `, and ${twice.length - 1} others are there again too`;
  const which = `request ${row.request} of ${row.engine} in experiment ${row.experiment}`;
  return [`line ${csv.rows[again]?.line}: ${which} is in line ${csv.rows[first]?.line} already${others}: two results in one file?`];
}

function rowOf(cells: Cells): ResultRow {
  const engineId = cells.count("engine_id");
  return {
    experiment: cells.text("expr_id") ?? "-",
    block: cells.optionalCount("block") ?? 0,
    engineId,
    engine: cells.text("engine") ?? `engine ${engineId}`,
    request: cells.count("request_id"),
    due: cells.optionalNumber("due_seconds") ?? cells.number("timestamp"),
    sent: cells.optionalNumber("sent_seconds"),
    ended: cells.optionalNumber("ended_seconds"),
    ttft: cells.optionalNumber("TTFT"),
    headersAfter: cells.optionalNumber("ttft_headers_seconds"),
    e2e: cells.optionalNumber("latency"),
    throughput: cells.optionalNumber("throughput"),
    contextTokens: cells.count("context_len"),
    questionTokens: cells.count("query_len"),
    gpuMemory: cells.gpuMemory("gpu_memory"),
    outcome: cells.oneOf("outcome", outcomes),
    failure: failureOf(cells.text("failure")),
    attempts: cells.optionalCount("attempts") ?? 1,
    promptTokens: cells.optionalCount("prompt_tokens"),
    cachedTokens: cells.optionalCount("cached_tokens"),
    outputTokens: cells.optionalCount("output_tokens"),
    outputTokensSource: cells.oneOf("output_tokens_source", tokenSources),
    cache: cells.oneOf("cache", cacheStates),
    simulated: cells.text("simulated") === "true",
    after: cells.optionalCount("after_request"),
  };
}

/** "code" or "code: message". */
function failureOf(cell: string | undefined): ResultRow["failure"] {
  if (cell === undefined) return undefined;
  const [, code, message] = /^([a-z-]+)(?:: (.*))?$/s.exec(cell) ?? [];
  const known = failureCodes.find((known) => known === code);
  return known === undefined ? { code: undefined, message: cell } : { code: known, message: message ?? cell };
}

const failureCodes = Object.keys({
  refused: true,
  "connect-timeout": true,
  "first-token-timeout": true,
  "idle-timeout": true,
  "request-timeout": true,
  "http-status": true,
  "error-event": true,
  aborted: true,
  disconnected: true,
  exhausted: true,
  "bad-response": true,
  empty: true,
} satisfies Record<FailureCode, true>) as FailureCode[]; // keys of a record that has them all

/** The cells of one row, read as what they should be; what they are not is noted and read on, so that all mistakes are found at once. */
class Cells {
  private readonly row: CsvRow;
  private readonly mistakes: string[];

  constructor(row: CsvRow, mistakes: string[]) {
    this.row = row;
    this.mistakes = mistakes;
  }

  /** Empty, or a column that is not there, is undefined. */
  text(column: string): string | undefined {
    const cell = this.row.cells[column]?.trim();
    return cell === "" ? undefined : cell;
  }

  /** Undefined also for -1, by which lmcache-tests means a failure, and for Python's inf and nan. */
  optionalNumber(column: string): number | undefined {
    const cell = this.text(column);
    if (cell === undefined || /^([+-]?inf|nan)$/i.test(cell)) return undefined;
    const value = Number(cell);
    if (value === -1) return undefined;
    if (Number.isFinite(value) && value >= 0) return value;
    return this.mistake(column, "a number from 0 up, or -1 for a failure");
  }

  number(column: string): number {
    return this.optionalNumber(column) ?? this.mistake(column, "a number from 0 up") ?? 0;
  }

  optionalCount(column: string): number | undefined {
    const value = this.optionalNumber(column);
    return value === undefined || Number.isInteger(value) ? value : this.mistake(column, "a whole number");
  }

  count(column: string): number {
    return this.optionalCount(column) ?? this.mistake(column, "a whole number") ?? 0;
  }

  oneOf<Word extends string>(column: string, words: readonly Word[]): Word | undefined {
    const cell = this.text(column);
    return words.find((word) => word === cell) ?? (cell === undefined ? undefined : this.mistake(column, `one of ${words.join(", ")}`));
  }

  gpuMemory(column: string): Readonly<Record<string, number>> {
    const cell = this.text(column);
    if (cell === undefined || cell === "-1") return {};
    return parseGpuMemory(cell) ?? this.mistake(column, 'JSON like {"gpu-0": 9075}') ?? {};
  }

  private mistake(column: string, wanted: string): undefined {
    const found = `line ${this.row.line}: ${column} is "${this.row.cells[column] ?? ""}", wanted ${wanted}`;
    if (!this.mistakes.some((told) => told.startsWith(`line ${this.row.line}: ${column} is `))) this.mistakes.push(found);
    return undefined;
  }
}

function parseGpuMemory(cell: string): Readonly<Record<string, number>> | undefined {
  try {
    const value: unknown = JSON.parse(cell);
    return isNumbersByName(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isNumbersByName(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === "object" && value !== null && Object.values(value).every((entry) => typeof entry === "number");
}
