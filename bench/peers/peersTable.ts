import type { ReportedSpread } from "./peer.ts";
import type { PeerRun } from "./play.ts";
import type { TrueSpread } from "./truth.ts";

export interface PeersResult {
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  /** Tools that could not be installed or started here, and why. */
  readonly missing: Readonly<Record<string, string>>;
  readonly runs: readonly PeerRun[];
}

/** What each tool said of itself, beside the truth, as Markdown. */
export function peersReport({ date, quick, machine, versions, missing, runs }: PeersResult): string {
  const loads = runs.map(({ loadBefore }) => loadBefore);
  const measured = runs.filter(({ cell }) => cell.failPercent === 0);
  const failing = runs.filter(({ cell }) => cell.failPercent > 0);
  return [
    `# Peers, ${date.slice(0, 10)}${quick ? " (quick)" : ""}`,
    `${listed(machine)}. Server on one core, everything a tool starts on the other. Load average before the runs: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}. One run each.`,
    listed(versions),
    ...[...new Set(measured.map(({ cell }) => cell.streams))].map((streams) =>
      loadSection(measured.filter(({ cell }) => cell.streams === streams)),
    ),
    failing.length === 0 ? "" : failingSection(failing),
    notes,
    Object.entries(missing)
      .map(([name, why]) => `- ${name} is missing: ${why}`)
      .join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

const notes = [
  "*said* is what the tool reports, *error* is that less what the server did, of the same percentile. A dash: the tool does not say.",
  "The gap of GuideLLM and AIPerf is one mean for each reply, and the truth beside it is taken the same way.",
  "*at most* is the most replies that the server had under way. Start-up is from launch to the first request; CPU is of the whole command, start-up and report included.",
  "Requests that a tool makes beside its load are counted by the server alone.",
].join(" ");

const loadColumns = ["TTFT p50", "TTFT p99", "gap p50", "gap p99"]
  .flatMap((figure) => [`${figure} said, ms`, "error"])
  .concat(["replies counted / complete", "at most", "exit", "start-up, s", "CPU, s"]);

function loadSection(runs: readonly PeerRun[]): string {
  const { streams = 0, requests = 0, tokens = 0 } = runs[0]?.cell ?? {};
  return table(
    `${streams} streams, ${requests.toLocaleString("en-US")} replies of ${tokens} tokens, first after 100 ms, then one every 20 ms`,
    loadColumns,
    runs,
    ({ reported, truth, gapIs, ...run }) => [
      ...beside(reported?.ttft, truth.ttft),
      ...beside(reported?.gap, gapIs === "each" ? truth.gap : truth.meanGap),
      `${shown(reported?.completed, 0)} / ${truth.completed}`,
      `${truth.mostStreams}`,
      ...ending(run),
    ],
  );
}

function failingSection(runs: readonly PeerRun[]): string {
  const { failPercent = 0, requests = 0, streams = 0 } = runs[0]?.cell ?? {};
  return table(
    `${failPercent} % of ${requests} requests answered with 500, ${streams} streams`,
    ["replies counted / complete", "failures counted / answered with 500", "exit", "start-up, s", "CPU, s"],
    runs,
    ({ reported, truth, ...run }) => [
      `${shown(reported?.completed, 0)} / ${truth.completed}`,
      `${shown(reported?.failed, 0)} / ${truth.failed}`,
      ...ending(run),
    ],
  );
}

function table(title: string, columns: readonly string[], runs: readonly PeerRun[], fields: (run: PeerRun) => readonly string[]): string {
  const lines = runs.map((run) => `| ${[run.peer, ...fields(run)].join(" | ")} |`);
  const silent = runs.flatMap(({ peer, failure }) => (failure === undefined ? [] : [`- ${peer} reported nothing: ${failure}`]));
  return [
    `## ${title}`,
    "",
    `| | ${columns.join(" | ")} |`,
    `| --- |${" --: |".repeat(columns.length)}`,
    ...lines,
    ...(silent.length === 0 ? [] : ["", ...silent]),
  ].join("\n");
}

/** Said and error, at p50 and at p99. */
function beside(said: ReportedSpread | undefined, truth: TrueSpread | undefined): readonly string[] {
  return [shown(said?.p50, 1), error(said?.p50, truth?.p50), shown(said?.p99, 1), error(said?.p99, truth?.p99)];
}

function error(said: number | undefined, truth: number | undefined): string {
  if (said === undefined || truth === undefined) return "–";
  const by = said - truth;
  return `${by < 0 ? "−" : "+"}${Math.abs(by).toFixed(Math.abs(by) < 10 ? 2 : 0)}`;
}

function ending({
  exitCode,
  secondsToFirstRequest,
  cpuSeconds,
}: Pick<PeerRun, "exitCode" | "secondsToFirstRequest" | "cpuSeconds">): readonly string[] {
  return [exitCode === undefined ? "killed" : `${exitCode}`, shown(secondsToFirstRequest, 1), shown(cpuSeconds, 1)];
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? "–" : value.toFixed(digits);
}

function listed(facts: Readonly<Record<string, string>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");
}
