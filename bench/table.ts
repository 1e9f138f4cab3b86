import { workersOf, type ClientName } from "./cells.ts";
import type { Measured, Spread } from "./clients/measured.ts";
import { isKept, isServerLate } from "./kept.ts";

/** One client's run of one cell. */
export interface Run {
  readonly cell: string;
  readonly client: ClientName;
  /** Load average of the machine just before it. */
  readonly load: number;
  /** Share of its tokens that the server wrote more than half a gap late. */
  readonly serverLate?: number;
  readonly measured?: Measured;
  readonly failure?: string;
}

export interface Result {
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Readonly<Record<string, string>>;
  readonly runs: readonly Run[];
}

type Figure = (measured: Measured) => number | undefined;

/** Everything that was measured, as Markdown: medians over the runs, and ratios to the client in C. */
export function report({ date, quick, machine, runs }: Result): string {
  const loads = runs.map(({ load }) => load);
  const about = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  return [
    `# Bench of ${date.slice(0, 10)}${quick ? " (quick)" : ""}`,
    `${about.join("; ")}. Server on one core, client on the other. Load average before the runs: ${least(loads).toFixed(1)} to ${most(loads).toFixed(1)}.`,
    "Medians; in brackets the ratio to the client in C of the same minutes.",
    tooFewCores(machine, runs),
    section("Throughput", runs, [
      ["events/s, 64 streams", "bulk-64", (m) => m.events_per_second, thousands],
      ["events/s, 1,024 streams", "bulk-1024", (m) => m.events_per_second, thousands],
      ["one-token replies/s, 64 connections", "one-token", (m) => m.replies_per_second, thousands],
      ["CPU s per million events, 64 streams", "bulk-64", (m) => m.cpu_seconds_per_million, decimals],
      ["CPU s per million events, 1,024 streams", "bulk-1024", (m) => m.cpu_seconds_per_million, decimals],
      ["CPU s per million one-token replies", "one-token", (m) => m.cpu_seconds_per_million, decimals],
    ]),
    section("Error of the tokens' stamps, ms: p50 / p99 / max (50 tokens/s a stream)", runs, [
      ...[64, 256, 1_000, 2_000].map((streams): Row => [
        `${thousands(streams)} streams`,
        `paced-${streams}`,
        (m) => m.stamp_error_us?.p99,
        undefined,
        (m) => m.stamp_error_us,
      ]),
      ["1,000 streams, while all are under way", "steady-1000", (m) => m.steady_error_us?.p99, undefined, (m) => m.steady_error_us],
    ]),
    keptSection(runs),
    section("Error of the time to first token, ms: p50 / p99 / max", runs, [
      ["64 streams, started over 2 s", "paced-64", (m) => m.ttft_error_us?.p99, undefined, (m) => m.ttft_error_us],
      ["256 streams, started over 2 s", "paced-256", (m) => m.ttft_error_us?.p99, undefined, (m) => m.ttft_error_us],
      ["1,000 streams, started over 2 s", "paced-1000", (m) => m.ttft_error_us?.p99, undefined, (m) => m.ttft_error_us],
      ["1,000 streams, all at once", "burst-1000", (m) => m.ttft_error_us?.p99, undefined, (m) => m.ttft_error_us],
    ]),
    section(
      "Sent after it was due, ms: p50 / p99 / p99.9 / max (timer: a C loop that does nothing else)",
      runs,
      [50, 200, 1_000, 5_000].map((rate) => [
        `${rate} requests/s`,
        `slip-${rate}`,
        (m) => m.send_lag_us?.p99,
        undefined,
        (m) => m.send_lag_us,
      ]),
    ),
    section("Resident memory, MiB", runs, [
      ["before the load", "paced-1000", (m) => m.idle_rss_mib, thousands],
      ["1,000 streams", "paced-1000", (m) => m.rss_mib, thousands],
      ["10,000 streams", "memory-10000", (m) => m.rss_mib, thousands],
    ]),
    failures(runs),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function tooFewCores({ cores }: Result["machine"], runs: readonly Run[]): string {
  if (Number(cores) > 2 || !runs.some(({ client }) => workersOf(client) > 1)) return "";
  return `**${cores} cores are too few for two load threads beside the server**: those of tandem-two and tandem-complete-two share its core, and what they show is that nothing is lost there, not what a second thread brings. Three cores tell.`;
}

/** The most streams that each client keeps, with the p99 of their stamps. */
function keptSection(runs: readonly Run[]): string {
  const tried = runs.filter(({ cell }) => cell.startsWith("kept-"));
  if (tried.length === 0) return "";
  const clients = [...new Set(tried.map(({ client }) => client))];
  const fields = clients.map((client) => mostKept(tried.filter((run) => run.client === client)));
  return [
    "## Streams whose tokens' stamps are right within 1 ms at p99 (50 tokens/s a stream; that p99, ms)",
    "",
    `| | ${clients.join(" | ")} |`,
    `| --- |${" --: |".repeat(clients.length)}`,
    `| streams | ${fields.join(" | ")} |`,
    ...lateServer(tried),
  ].join("\n");
}

function lateServer(runs: readonly Run[]): readonly string[] {
  const late = runs.filter(isServerLate).length;
  if (late === 0) return [];
  return [
    "",
    `The server itself was late in ${late} of these ${runs.length} runs, which count as not kept: the machine was busy, and may keep more.`,
  ];
}

function mostKept(runs: readonly Run[]): string {
  const [best] = runs.filter(isKept).sort((a, b) => streamsOf(b) - streamsOf(a));
  if (best === undefined) return runs.every(isServerLate) ? "–" : `fewer than ${thousands(Math.min(...runs.map(streamsOf)))}`;
  const isTop = runs.every((run) => streamsOf(run) <= streamsOf(best));
  return `${isTop ? "at least " : ""}${thousands(streamsOf(best))} (${inMilliseconds(best.measured?.stamp_error_us?.p99 ?? 0)})`;
}

function streamsOf({ cell }: Run): number {
  return Number(cell.slice("kept-".length));
}

type Row = readonly [
  title: string,
  cell: string,
  by: Figure,
  show?: ((value: number) => string) | undefined,
  spread?: (measured: Measured) => Spread | undefined,
];

function section(title: string, runs: readonly Run[], rows: readonly Row[]): string {
  const cells = new Set(rows.map(([, cell]) => cell));
  const clients = [...new Set(runs.filter(({ cell }) => cells.has(cell)).map(({ client }) => client))];
  const present = rows.filter(([, cell]) => runs.some((run) => run.cell === cell));
  if (present.length === 0) return "";
  const lines = present.map(([name, ...rest]) => `| ${[name, ...clients.map((client) => field(runs, client, rest))].join(" | ")} |`);
  return [`## ${title}`, "", `| | ${clients.join(" | ")} |`, `| --- |${" --: |".repeat(clients.length)}`, ...lines].join("\n");
}

function field(runs: readonly Run[], client: ClientName, [cell, by, show, spread]: readonly [string, Figure, Row[3]?, Row[4]?]): string {
  const middle = median(runs, cell, client, by);
  if (middle === undefined) return "–";
  const values = spread?.(middle);
  if (values !== undefined)
    return [
      values.p50,
      values.p99,
      ...(values.p999 === undefined || by(middle) !== middle.send_lag_us?.p99 ? [] : [values.p999]),
      values.max,
    ]
      .map(inMilliseconds)
      .join(" / ");
  const value = by(middle) ?? Number.NaN;
  const limit = by(median(runs, cell, "c", by) ?? {});
  const ratio = limit === undefined || client === "c" ? "" : ` (${decimals(value / limit)})`;
  return `${show?.(value) ?? value}${ratio}`;
}

/** The run in the middle, by that figure: percentiles beside it are of the same run. */
function median(runs: readonly Run[], cell: string, client: ClientName, by: Figure): Measured | undefined {
  const all = runs.flatMap((run) =>
    run.cell === cell && run.client === client && run.measured !== undefined && by(run.measured) !== undefined ? [run.measured] : [],
  );
  return all.sort((a, b) => (by(a) ?? 0) - (by(b) ?? 0))[Math.floor((all.length - 1) / 2)];
}

function failures(runs: readonly Run[]): string {
  return runs.flatMap(({ cell, client, failure }) => (failure === undefined ? [] : [`- ${cell}: ${client} failed: ${failure}`])).join("\n");
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function decimals(value: number): string {
  return `${Number(value.toPrecision(2))}`;
}

function inMilliseconds(microseconds: number): string {
  return `${Number((microseconds / 1_000).toPrecision(2))}`;
}

function least(values: readonly number[]): number {
  return Math.min(...values);
}

function most(values: readonly number[]): number {
  return Math.max(...values);
}
