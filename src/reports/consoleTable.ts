import type { CacheAnswer, ExperimentFigures, TestFigures } from "../measure/testFigures.ts";
import type { Comparison, EngineSummary, Validity } from "../model/figures.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { wrapped } from "../model/wrapped.ts";
import type { Tone } from "./document.ts";
import { byOther, headlines, isWithheld } from "./headlines.ts";
import { sloPhrase } from "./conditions.ts";
import { harnessErrorLine } from "./harnessError.ts";
import { count, duration, missing, observedPhrase, rate, ratio, wantedPhrase } from "./numbers.ts";
import {
  bunchedPhrase,
  byChancePhrase,
  comparisonSentence,
  costPhrase,
  failedOf,
  failuresPhrase,
  goodputPhrase,
  gainCaveats,
  leftOutPhrases,
  reasonPhrase,
  sentTwicePhrase,
  simulatedPhrase,
  unfinishedPhrase,
  ungatedPhrase,
  validityMeanings,
  validityTones,
  verdictTones,
  withheldSentence,
} from "./sentences.ts";

/** Colours a piece of text for a terminal, or leaves it as it is. */
export type Style = (tone: Tone | "heading", text: string) => string;

export interface ConsoleOptions {
  readonly columns: number;
  readonly style: Style;
}

/** What a terminal shows of a test: per experiment the comparison first, then the table. No line is longer than `columns` (60 or more). */
export function consoleTable(result: TestResult, figures: TestFigures, options: ConsoleOptions): readonly string[] {
  const { description, experiments } = result;
  const simulated = simulatedPhrase(description);
  const first = simulated === undefined ? [] : wrappedWithin(simulated, options.columns, "").map((line) => options.style("warning", line));
  const lines = experiments.map((experiment, index) => {
    const found = figures.experiments[index];
    return found === undefined ? [] : experimentLines(experiment, found, options).concat("");
  });
  return [
    ...first,
    ...lines.flat(),
    ...byChanceLines(figures, options),
    ...checkLines(result, figures, options),
    ...validityLines(figures.validity, options),
    ...ungatedLines(result, figures, options),
  ];
}

function experimentLines(experiment: ExperimentResult, figures: ExperimentFigures, options: ConsoleOptions): readonly string[] {
  const { description } = experiment;
  const error = harnessErrorLine(experiment);
  return [
    ...wrappedWithin(description.title, options.columns, "").map((line) => options.style("heading", line)),
    ...byOther(figures.comparisons)
      .flatMap(headlines)
      .flatMap((comparison) => comparisonLines(comparison, figures.validity, options)),
    "",
    ...grid(metricCells(figures.summaries), options),
    ...bunchedLines(figures.summaries, options),
    ...cacheLines(figures, options),
    ...goodputLines(figures.summaries, experiment, options),
    ...failureLines(figures.summaries, experiment, options),
    ...unfinishedLines(figures.summaries, options),
    ...sentTwiceLines(figures.summaries, experiment, options),
    ...(error === undefined ? [] : ["", ...labelled("own error", "quiet", error, options)]),
  ];
}

const verdictWidth = 14;

function comparisonLines(comparison: Comparison, validity: Validity, { columns, style }: ConsoleOptions): readonly string[] {
  const withheld = validity.state === "INVALID";
  const label = withheld ? "withheld" : comparison.verdict;
  const sentence = withheld ? withheldSentence(comparison) : comparisonSentence(comparison);
  return labelled(label, withheld ? "undecided" : verdictTones[comparison.verdict], sentence, { columns, style });
}

function labelled(label: string, tone: Tone, text: string, { columns, style }: ConsoleOptions): readonly string[] {
  return wrappedWithin(text, columns, " ".repeat(verdictWidth + 2)).map((line, index) =>
    index === 0 ? `  ${style(tone, label)}${" ".repeat(Math.max(1, verdictWidth - label.length))}${line.trimStart()}` : line,
  );
}

function metricCells(summaries: readonly EngineSummary[]): readonly (readonly string[])[] {
  const head = ["median", "TTFT", "TPOT", "ITL", "E2E", "tokens/s", "requests/s", "failed"];
  const rows = summaries.map((summary) => [
    summary.engine,
    ...[summary.ttft, summary.tpot, summary.itl, summary.e2e].map(({ p50 }) => duration(p50)),
    rate(summary.outputTokensPerSecond),
    rate(summary.requestsPerSecond),
    failedOf(summary),
  ]);
  return [head, ...rows];
}

function bunchedLines(summaries: readonly EngineSummary[], options: ConsoleOptions): readonly string[] {
  return summaries.flatMap((summary) => bunchedPhrase(summary) ?? []).flatMap((phrase) => labelled("in bunches", "quiet", phrase, options));
}

function cacheLines({ cacheAnswers }: ExperimentFigures, options: ConsoleOptions): readonly string[] {
  const answers = cacheAnswers.filter(({ cold, warm }) => cold !== undefined && warm !== undefined);
  if (answers.length === 0) return [];
  const head = ["cache", "TTFT cold", "n", "TTFT warm", "n", "gain", "cost of storing"];
  const leftOut = leftOutPhrases(answers).flatMap((phrase) => labelled("left out", "undecided", phrase, options));
  const caveats = gainCaveats(answers).flatMap((phrase) => labelled("caveat", "undecided", phrase, options));
  return ["", ...grid([head, ...answers.map(cacheCells)], options), ...leftOut, ...caveats];
}

function cacheCells(answer: CacheAnswer): readonly string[] {
  const { engine, cold, coldRequests, warm, warmRequests, gain } = answer;
  const times = gain === undefined ? missing : `${ratio(gain)}×`;
  return [engine, duration(cold), count(coldRequests), duration(warm), count(warmRequests), times, costPhrase(answer)];
}

function goodputLines(summaries: readonly EngineSummary[], { description }: ExperimentResult, options: ConsoleOptions): readonly string[] {
  const { slo } = description;
  if (slo === undefined) return [];
  const shares = summaries.map((summary) => `${summary.engine} ${goodputPhrase(summary)}`).join(", ");
  return ["", ...labelled("goodput", "plain", `${shares} of requests due kept ${sloPhrase(slo)}`, options)];
}

function failureLines(summaries: readonly EngineSummary[], { records }: ExperimentResult, options: ConsoleOptions): readonly string[] {
  return summaries
    .filter(({ failures }) => failures > 0)
    .flatMap((summary) => labelled("failed", "bad", failuresPhrase(summary, records), options));
}

function unfinishedLines(summaries: readonly EngineSummary[], options: ConsoleOptions): readonly string[] {
  const phrase = unfinishedPhrase(summaries);
  return phrase === undefined ? [] : labelled("unfinished", "warning", phrase, options);
}

function sentTwiceLines(summaries: readonly EngineSummary[], { records }: ExperimentResult, options: ConsoleOptions): readonly string[] {
  const phrases = summaries.flatMap(({ engine }) => sentTwicePhrase(engine, records) ?? []);
  return phrases.flatMap((phrase) => labelled("sent twice", "quiet", phrase, options));
}

function checkLines({ verdicts, experiments }: TestResult, figures: TestFigures, options: ConsoleOptions): readonly string[] {
  return verdicts.flatMap((verdict) => {
    const { check, observed, wanted, experiment } = verdict;
    const title = experiments.find(({ index }) => index === experiment)?.description.title;
    const where = title === undefined || experiments.length === 1 ? "" : `${title}: `;
    // What is wanted of a value that there is not says so.
    const found = observed === undefined ? "" : `${observedPhrase(observed, wanted)}, `;
    const [label, tone] = isWithheld(verdict, figures)
      ? (["withheld", "undecided"] as const)
      : verdict.ok
        ? (["met", "good"] as const)
        : (["not met", "bad"] as const);
    return labelled(label, tone, `${where}${check}: ${found}wanted ${wantedPhrase(wanted)}`, options);
  });
}

function validityLines({ state, reasons }: Validity, options: ConsoleOptions): readonly string[] {
  if (reasons.length === 0) return labelled(state, validityTones[state], validityMeanings[state], options);
  return reasons.flatMap((reason) => labelled(reason.state, validityTones[reason.state], reasonPhrase(reason), options));
}

function byChanceLines(figures: TestFigures, options: ConsoleOptions): readonly string[] {
  const phrase = byChancePhrase(figures);
  return phrase === undefined ? [] : labelled("by chance", "undecided", phrase, options);
}

/** Last: whoever looks at a job's log looks there. */
function ungatedLines(result: TestResult, figures: TestFigures, options: ConsoleOptions): readonly string[] {
  const phrase = ungatedPhrase(result, figures);
  return phrase === undefined ? [] : labelled("not gated", "warning", phrase, options);
}

// The first column takes what the others leave. A name that is longer has a line of its own.
function grid(cells: readonly (readonly string[])[], { columns, style }: ConsoleOptions): readonly string[] {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const others = widths.slice(1).reduce((sum, width) => sum + width + 2, 0);
  const first = Math.max(1, Math.min(widths[0] ?? 0, columns - 2 - others));
  return cells.flatMap((row, index) => {
    const [name = "", ...values] = row;
    const padded = values.map((value, column) => `  ${value.padStart(widths[column + 1] ?? 0)}`).join("");
    const lines =
      name.length > first
        ? [...broken(name, columns - 2).map((part) => `  ${part}`), `  ${" ".repeat(first)}${padded}`]
        : [`  ${name.padEnd(first)}${padded}`];
    return index === 0 ? lines.map((line) => style("quiet", line)) : lines;
  });
}

function wrappedWithin(text: string, columns: number, indent: string): readonly string[] {
  const room = columns - indent.length;
  const words = text.split(" ").flatMap((word) => broken(word, room));
  return wrapped(words, room).map((line) => `${indent}${line}`);
}

function broken(word: string, room: number): readonly string[] {
  return word.length <= room
    ? [word]
    : Array.from({ length: Math.ceil(word.length / room) }, (_, part) => word.slice(part * room, (part + 1) * room));
}
