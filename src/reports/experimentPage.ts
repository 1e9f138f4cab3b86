import { throughput, ttft } from "../measure/latency.ts";
import { pairOf } from "../measure/pairs.ts";
import { isCompleted } from "../measure/summary.ts";
import type { ExperimentFigures } from "../measure/testFigures.ts";
import type { Comparison, EngineSummary, Summary } from "../model/figures.ts";
import type { RequestRecord } from "../model/record.ts";
import type { EngineDescription, ExperimentResult, TestResult } from "../model/result.ts";
import { anchorSentences } from "./anchors.ts";
import { distribution, perRequest, type ChartSize, type RequestPoint } from "./charts.ts";
import { experimentSettings } from "./conditions.ts";
import type { Block, Figure } from "./document.ts";
import { harnessErrorTable } from "./harnessError.ts";
import { count, counted, duration, missing, rate, ratio, ratioInterval } from "./numbers.ts";
import { cacheTokenTable } from "./proofBlocks.ts";
import { bunchedPhrase, failuresPhrase, goodputPhrase, metricName, sentTwicePhrase, unsettledPhrases, verdictTones } from "./sentences.ts";
import { telemetryFigure } from "./telemetry.ts";

/** One experiment: its numbers per engine, what was compared, and the pictures. */
export function experimentPage(experiment: ExperimentResult, figures: ExperimentFigures, result: TestResult): readonly Block[] {
  return [
    { kind: "heading", level: 2, text: experiment.description.title },
    { kind: "paragraph", tone: "quiet", text: experimentSettings(experiment.description, result.description.engines.length) },
    ...inGroups(figures.summaries, 3).map(metricTable),
    ...failureSentences(figures.summaries, experiment),
    ...bunchedSentences(figures.summaries),
    ...sentTwiceSentences(figures.summaries, experiment),
    ...anchorSentences(figures.summaries, experiment),
    ...comparisonTable(figures.comparisons, result, figures),
    ...cacheTokenTable(figures.cacheTokens, figures.sharedCacheTokens),
    ...pictures(experiment, result.description.engines),
    ...harnessErrorTable(experiment),
  ];
}

function metricTable(summaries: readonly EngineSummary[]): Block {
  const cells = metricRows.map(([label, value]) => [label, summaries.map(value)] as const);
  return {
    kind: "table",
    columns: [
      { title: "Median unless said otherwise", align: "left" },
      ...summaries.map(({ engine }) => ({ title: engine, align: "right" as const })),
    ],
    rows: cells.filter(([, values]) => values.some((value) => value !== missing)).map(([label, values]) => [label].concat(values)),
  };
}

const metricRows: readonly (readonly [string, (summary: EngineSummary) => string])[] = [
  ["TTFT, cold", ({ cold }) => duration(cold.ttft.p50)],
  ["TTFT, partly cached", ({ partial }) => duration(partial.ttft.p50)],
  ["TTFT, warm", ({ warm }) => duration(warm.ttft.p50)],
  ["TTFT, warm, mean (95 % interval)", ({ warm }) => meanOf(warm)],
  ["TTFT, all requests", ({ ttft }) => duration(ttft.p50)],
  ["TTFT, all requests, p90", ({ ttft }) => duration(ttft.p90)],
  ["TTFT, all requests, p99", ({ ttft }) => duration(ttft.p99)],
  // A mean of cold and warm together is the time of no request at all.
  ["TTFT, all requests, mean (95 % interval)", (summary) => (isMixed(summary) ? missing : meanOf(summary))],
  ["TTFT, all requests, from when they were due", ({ ttftFromDue }) => duration(ttftFromDue.p50)],
  ["TPOT", ({ tpot }) => duration(tpot.p50)],
  ["ITL", ({ itl }) => duration(itl.p50)],
  ["ITL, p99", ({ itl }) => duration(itl.p99)],
  ["E2E latency", ({ e2e }) => duration(e2e.p50)],
  ["E2E latency, from when they were due", ({ e2eFromDue }) => duration(e2eFromDue.p50)],
  ["Throughput within a request (tokens/s)", ({ throughput }) => rate(throughput.p50)],
  ["Output of the whole experiment (tokens/s)", ({ outputTokensPerSecond }) => rate(outputTokensPerSecond)],
  ["Requests/s", ({ requestsPerSecond }) => rate(requestsPerSecond)],
  // Missing without objectives: no row.
  ["Goodput, of requests due", goodputPhrase],
  [
    "Tokens: prompt, of these cached, output",
    ({ promptTokens, cachedTokens, outputTokens }) => tokensOf([promptTokens, cachedTokens, outputTokens]),
  ],
  ["Failed, of requests due", ({ failures, requests }) => `${count(failures)} of ${count(requests)}`],
  ["Unfinished, of requests due", ({ cancelled, requests }) => (cancelled === 0 ? missing : `${count(cancelled)} of ${count(requests)}`)],
];

function isMixed({ cold, partial, warm }: EngineSummary): boolean {
  return [cold, partial, warm].filter(({ requests }) => requests > 0).length > 1;
}

function tokensOf(counts: readonly (number | undefined)[]): string {
  return counts.every((tokens) => tokens === undefined) ? missing : counts.map(count).join(" / ");
}

/** "1.02 s (980 ms to 1.06 s, 12 waves)", or "1.02 s (1 wave)", of which there is no interval. */
function meanOf({ ttft: { mean, meanInterval }, waves }: Summary): string {
  const within = meanInterval === undefined ? [] : [`${duration(meanInterval[0])} to ${duration(meanInterval[1])}`];
  const said = within.concat(waves === undefined || mean === undefined ? [] : counted(waves, "wave"));
  return said.length === 0 ? duration(mean) : `${duration(mean)} (${said.join(", ")})`;
}

function failureSentences(summaries: readonly EngineSummary[], { records }: ExperimentResult): readonly Block[] {
  return summaries
    .filter(({ failures }) => failures > 0)
    .map((summary) => ({ kind: "paragraph", tone: "bad", label: "failed", text: `${failuresPhrase(summary, records)}.` }));
}

function bunchedSentences(summaries: readonly EngineSummary[]): readonly Block[] {
  const phrases = summaries.flatMap((summary) => bunchedPhrase(summary) ?? []);
  return phrases.map((phrase) => ({ kind: "paragraph", tone: "quiet", label: "in bunches", text: `${phrase}.` }));
}

function sentTwiceSentences(summaries: readonly EngineSummary[], { records }: ExperimentResult): readonly Block[] {
  const phrases = summaries.flatMap(({ engine }) => sentTwicePhrase(engine, records) ?? []);
  return phrases.map((phrase) => ({ kind: "paragraph", tone: "quiet", label: "sent twice", text: `${phrase}.` }));
}

function comparisonTable(comparisons: readonly Comparison[], { description }: TestResult, figures: ExperimentFigures): readonly Block[] {
  if (comparisons.length === 0) return [];
  const withheld = figures.validity.state === "INVALID";
  return [
    {
      kind: "table",
      columns: [
        { title: `Compared with ${description.baseline ?? "the baseline"}, above 1 is better`, align: "left" },
        { title: "Cache", align: "left" },
        { title: "Pairs", align: "right" },
        { title: "Ratio", align: "right" },
        { title: "95 % interval", align: "right" },
        { title: "Verdict", align: "right" },
      ],
      rows: comparisons.map(({ other, metric, cache, pairs, waves, effect, interval, verdict }) => [
        `${other}: ${metricName(metric)}`,
        cache,
        waves === undefined ? count(pairs) : `${count(pairs)} in ${counted(waves, "wave")}`,
        ratio(effect, interval),
        effect === undefined || interval === undefined ? missing : ratioInterval(effect, interval),
        withheld ? "withheld" : verdict,
      ]),
    },
    ...(withheld ? [] : unsettledPhrases(comparisons)).map((phrase): Block => ({
      kind: "paragraph",
      tone: verdictTones.inconclusive,
      label: "inconclusive",
      text: `${phrase}.`,
    })),
  ];
}

function pictures(experiment: ExperimentResult, engines: readonly EngineDescription[]): readonly Block[] {
  const names = engines.map(({ name }) => name);
  const places = placesByDue(experiment.records);
  const waits = points(experiment, places, ttft);
  const rates = points(experiment, places, throughput);
  const what = `of ${names.join(" and ")}, ${experiment.description.title}`;
  const rest = [hasValues(waits), hasValues(rates)].filter(Boolean).length;
  // An odd picture would leave a hole beside it, so the first one gets the whole row.
  const first: ChartSize = rest % 2 === 0 ? "full" : "half";
  return [
    ...figureOf(waits, () => ({
      ...common("Time to first token, request by request", `Time to first token of each request ${what}`, first),
      spec: perRequest(waits, names, { title: "TTFT", unit: "s", size: first }),
      ...noteOn(waits),
    })),
    ...figureOf(waits, () => ({
      ...common("Time to first token, distribution", `Share of requests by time to first token ${what}`, "half"),
      spec: distribution(waits, names, { title: "TTFT", unit: "s", size: "half" }),
    })),
    ...figureOf(rates, () => ({
      ...common("Throughput, request by request", `Output tokens per second within each request ${what}`, "half"),
      spec: perRequest(rates, names, { title: "Throughput", unit: "tokens/s", size: "half" }),
    })),
    ...telemetryFigure(experiment, engines),
  ];
}

function common(title: string, alt: string, size: ChartSize): Pick<Figure, "kind" | "title" | "alt" | "size"> {
  return { kind: "figure", title, alt, size };
}

function hasValues(measured: readonly RequestPoint[]): boolean {
  return measured.some(({ value }) => value !== undefined);
}

// Nothing measured, nothing drawn: an empty frame would look like a fault of the report.
function figureOf(measured: readonly RequestPoint[], figure: () => Figure): readonly Block[] {
  return hasValues(measured) ? [figure()] : [];
}

function noteOn(measured: readonly RequestPoint[]): { note?: string } {
  return measured.some(({ value }) => value === undefined) ? { note: "× at the upper edge: a request that did not complete." } : {};
}

/** One that completed without a value (no throughput, of a single token) is left out: a cross would say that it failed. */
function points(
  { records }: ExperimentResult,
  places: ReadonlyMap<number, number>,
  measure: (record: RequestRecord) => number | undefined,
): readonly RequestPoint[] {
  return records.flatMap((record) => {
    const value = isCompleted(record) ? measure(record) : undefined;
    if (value === undefined && isCompleted(record)) return [];
    return {
      engine: record.engine,
      position: places.get(pairOf(record)) ?? 0,
      request: record.request,
      cache: record.cache,
      outcome: record.outcome.kind === "failed" ? record.outcome.code : record.outcome.kind,
      ...(value === undefined ? {} : { value }),
    };
  });
}

/** By the number of a pair: the same request has the same place on all engines, and falls due at its own time where it follows another. */
function placesByDue(records: readonly RequestRecord[]): ReadonlyMap<number, number> {
  const earliest = new Map<number, RequestRecord>();
  for (const record of records) {
    const pair = pairOf(record);
    const before = earliest.get(pair);
    if (before === undefined || record.due < before.due) earliest.set(pair, record);
  }
  const inOrder = [...earliest].sort(([, a], [, b]) => a.block - b.block || a.due - b.due || a.request - b.request);
  return new Map(inOrder.map(([pair], place) => [pair, place]));
}

// As equal in size as can be.
function inGroups<T>(values: readonly T[], largest: number): readonly (readonly T[])[] {
  const groups = Math.ceil(values.length / largest);
  const size = Math.ceil(values.length / groups);
  return Array.from({ length: groups }, (_, group) => values.slice(group * size, (group + 1) * size));
}
