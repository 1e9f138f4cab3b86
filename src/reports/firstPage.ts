import { isCutOff, unwritten } from "../measure/cutOff.ts";
import type { CacheAnswer, ExperimentFigures, TestFigures } from "../measure/testFigures.ts";
import type { Comparison, Distribution, EngineSummary, Validity, Verdict } from "../model/figures.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
import { effects } from "./charts.ts";
import type { Block, Column, Tone } from "./document.ts";
import { byOther, headlines, isWithheld } from "./headlines.ts";
import { change, count, counted, duration, missing, observedPhrase, rate, ratio, wantedPhrase } from "./numbers.ts";
import {
  byChancePhrase,
  cachePhrase,
  comparisonSentence,
  costPhrase,
  failedOf,
  gainCaveats,
  leftOutPhrases,
  metricName,
  reasonPhrase,
  simulatedPhrase,
  unfinishedPhrase,
  validityMeanings,
  validityTones,
  verdictTones,
  withheldSentence,
} from "./sentences.ts";

/** The answer and how far to believe it; whoever reads no further has read what matters. */
export function firstPage(result: TestResult, figures: TestFigures): readonly Block[] {
  return [
    ...banners(result, figures),
    { kind: "heading", level: 2, text: "The answer" },
    ...result.experiments.flatMap((experiment, index) => answers(experiment, figures.experiments[index], isCutOff(experiment, result))),
    ...byChance(figures),
    ...believe(figures.validity),
    ...cacheNumbers(figures, result.description.baseline),
    ...effectsFigure(result, figures),
    { kind: "heading", level: 3, text: "Median time to first token, and what was delivered over the whole experiment" },
    engineTable(result, figures),
    ...unfinished(result, figures),
    ...leftOut(figures),
    ...checks(result, figures),
  ];
}

function banners(result: TestResult, figures: TestFigures): readonly Block[] {
  const { description, complete } = result;
  const simulated = simulatedPhrase(description);
  return [
    ...(simulated === undefined ? [] : [banner("warning", simulated.replace("simulated:", "SIMULATED:"))]),
    ...(figures.validity.state === "INVALID" ? [banner("alarm", invalidText(figures))] : []),
    ...(complete ? [] : [banner("alarm", incompleteText(result))]),
  ];
}

function incompleteText(result: TestResult): string {
  const { experiments, stillRunning = false } = result;
  const neverDue = experiments.reduce((sum, experiment) => sum + experiment.neverDue, 0);
  const text = stillRunning ? "The run is still going on: this is of what there was so far" : "The run was cut off before its end";
  if (neverDue === 0) return text;
  return stillRunning
    ? `${text}, ${counted(neverDue, "request")} not due yet`
    : `${text}: ${counted(neverDue, "request")} never fell due${experiments.some((one) => isCutOff(one, result)) ? ", or had not been written down yet" : ""}`;
}

function invalidText({ experiments }: TestFigures): string {
  const invalid = experiments.filter(({ validity }) => validity.state === "INVALID").length;
  return experiments.length === 1
    ? `INVALID: ${validityMeanings.INVALID}`
    : `INVALID, ${count(invalid)} of ${counted(experiments.length, "experiment")}: ${validityMeanings.INVALID}`;
}

function banner(tone: Tone, text: string): Block {
  return { kind: "banner", tone, text };
}

function answers({ description }: ExperimentResult, figures: ExperimentFigures | undefined, cutOff: boolean): readonly Block[] {
  if (figures === undefined) return [];
  const compared = byOther(figures.comparisons).flatMap((comparisons) => told(comparisons));
  if (compared.length === 0)
    return figures.summaries.map((summary) => ({
      kind: "paragraph",
      tone: "plain",
      text: `${description.title}: ${summary.requests === 0 && cutOff ? `${summary.engine} ${unwritten}` : aloneSentence(summary, figures.cacheAnswers.length > 0)}.`,
    }));
  return compared.map((comparison): Block => {
    const invalid = figures.validity.state === "INVALID";
    return {
      kind: "paragraph",
      tone: invalid ? "undecided" : verdictTones[comparison.verdict],
      label: invalid ? "withheld" : comparison.verdict,
      text: `${description.title}: ${invalid ? withheldSentence(comparison) : comparisonSentence(comparison)}.`,
    };
  });
}

function byChance(figures: TestFigures): readonly Block[] {
  const phrase = byChancePhrase(figures);
  return phrase === undefined ? [] : [{ kind: "paragraph", tone: "undecided", label: "by chance", text: `${phrase}.` }];
}

// Throughput is worth a sentence of its own only where it moved.
function told(comparisons: readonly Comparison[]): readonly Comparison[] {
  return headlines(comparisons).filter(({ verdict }, index) => index === 0 || verdict === "better" || verdict === "worse");
}

function aloneSentence({ engine, cold, warm, ttft, completed, requests }: EngineSummary, hasCache: boolean): string {
  if (requests === 0) return `${engine} was sent no request`;
  if (completed === 0) return `${engine} completed none of ${count(requests)} requests`;
  const isSplit = hasCache && cold.ttft.p50 !== undefined && warm.ttft.p50 !== undefined;
  const wait = isSplit ? `${duration(cold.ttft.p50)} cold and ${duration(warm.ttft.p50)} warm` : duration(ttft.p50);
  const of = isSplit ? `${count(cold.ttft.count)} and ${counted(warm.ttft.count, "request")}` : counted(ttft.count, "request");
  return `${engine} takes ${wait} to the first token (median of ${of})`;
}

// In large type where there is one experiment and one engine with a cache to tell of; the table has them for all.
function cacheNumbers({ experiments }: TestFigures, baseline: string | undefined): readonly Block[] {
  const answers = experiments.flatMap(({ cacheAnswers }) => cacheAnswers);
  const [answer, ...others] = answers.filter(({ engine }) => engine !== baseline);
  if (answer?.gain === undefined || answer.keeps === undefined || others.length > 0) return [];
  const { engine, cold, coldRequests, warm, warmRequests, costOfStoring } = answer;
  const numbers = [
    { name: `${engine}, cold: median time to first token of ${counted(coldRequests, "request")}`, value: duration(cold) },
    { name: `${engine}, warm: the same of ${counted(warmRequests, "request")}`, value: duration(warm) },
    { name: "gain: cold divided by warm", value: gainOf(answer) },
    { name: `cost of storing: cold, against ${baseline ?? "a baseline"}`, value: change(costOfStoring) },
  ];
  return [{ kind: "numbers", numbers: numbers.filter(({ value }) => value !== missing) }];
}

function gainOf(answer: CacheAnswer | undefined): string {
  return answer?.gain === undefined ? missing : `${ratio(answer.gain)}×`;
}

function effectsFigure(result: TestResult, figures: TestFigures): readonly Block[] {
  const rows = figures.experiments.flatMap(({ comparisons, validity }, index) =>
    byOther(comparisons).flatMap((ofOne) => {
      const [comparison] = headlines(ofOne);
      const label = result.experiments[index]?.description.title ?? "";
      return comparison?.effect === undefined || comparison.interval === undefined || validity.state === "INVALID"
        ? []
        : [{ label, comparison }];
    }),
  );
  const first = rows[0]?.comparison;
  if (first === undefined) return [];
  const others = new Set(rows.map(({ comparison }) => comparison.other));
  const caches = new Set(rows.map(({ comparison }) => comparison.cache));
  const isOneExperiment = new Set(rows.map(({ label }) => label)).size === 1 && others.size > 1;
  const labelled = rows.map(({ label, comparison }) => ({
    label: [
      ...(others.size > 1 ? [comparison.other] : []),
      ...(isOneExperiment ? [] : [label]),
      ...(caches.size > 1 ? [comparison.cache] : []),
    ].join(", "),
    comparison,
  }));
  const title = `${others.size > 1 ? "Each engine" : first.other} against ${first.baseline}: ${metricName(first.metric)}${caches.size > 1 ? "" : `, ${cachePhrase(first.cache)}`}, with 95 % intervals`;
  const alt = `Ratios with 95 % intervals. ${labelled.map(({ label, comparison }) => `${label}: ${ratio(comparison.effect, comparison.interval)}`).join("; ")}`;
  return [{ kind: "figure", title, alt, size: "full", spec: effects(labelled) }];
}

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

// The experiment's title stands in its first row only.
function engineTable(result: TestResult, figures: TestFigures): Block {
  const hasCache = figures.experiments.some(({ cacheAnswers }) => cacheAnswers.length > 0);
  const waits = hasCache ? ["Cold (of)", "Warm (of)", "Gain", "Storing"] : ["TTFT"];
  const columns = [left("Experiment"), left("Engine"), ...[...waits, "Tokens/s", "Requests/s", "Failed"].map(right)];
  const rows = figures.experiments.flatMap(({ summaries, cacheAnswers }, index) => {
    const title = result.experiments[index]?.description.title ?? "";
    return summaries.map((summary, place) => {
      const answer = cacheAnswers.find(({ engine }) => engine === summary.engine);
      const cells = hasCache ? cacheCells(summary, answer) : [duration(summary.ttft.p50)];
      return [place === 0 ? title : "", summary.engine, ...cells, ...deliveryCells(summary)];
    });
  });
  return { kind: "table", columns, rows };
}

function cacheCells({ cold, warm }: EngineSummary, answer: CacheAnswer | undefined): readonly string[] {
  return [medianOf(cold.ttft), medianOf(warm.ttft), gainOf(answer), costPhrase(answer ?? {})];
}

/** "269 ms (6)" */
function medianOf({ p50, count: amount }: Distribution): string {
  return p50 === undefined ? missing : `${duration(p50)} (${count(amount)})`;
}

function deliveryCells(summary: EngineSummary): readonly string[] {
  return [rate(summary.outputTokensPerSecond), rate(summary.requestsPerSecond), failedOf(summary)];
}

function unfinished({ experiments }: TestResult, figures: TestFigures): readonly Block[] {
  return figures.experiments.flatMap(({ summaries }, index): readonly Block[] => {
    const phrase = unfinishedPhrase(summaries);
    const title = experiments[index]?.description.title ?? "";
    return phrase === undefined ? [] : [{ kind: "paragraph", tone: "warning", label: "unfinished", text: `${title}: ${phrase}.` }];
  });
}

/** Each reason once, whatever the number of experiments it holds for. */
function leftOut({ experiments }: TestFigures): readonly Block[] {
  const said = (label: string, phrasesOf: (answers: readonly CacheAnswer[]) => readonly string[]) => {
    const phrases = new Set(experiments.flatMap(({ cacheAnswers }) => phrasesOf(cacheAnswers)));
    return [...phrases].map((phrase): Block => ({ kind: "paragraph", tone: "undecided", label, text: `${phrase}.` }));
  };
  return [...said("left out", leftOutPhrases), ...said("caveat", gainCaveats)];
}

function checks({ verdicts }: TestResult, figures: TestFigures): readonly Block[] {
  if (verdicts.length === 0) return [];
  const rows = [...Map.groupBy(verdicts, ({ check }) => check)].map(([check, ofCheck]) => [
    check,
    [...new Set(ofCheck.map(({ wanted }) => wantedPhrase(wanted)))].join("; "),
    ofCheck.map(observedOf).join("; "),
    outcomeOf(ofCheck, figures),
  ]);
  const given = verdicts.filter((verdict) => !isWithheld(verdict, figures));
  const unmet = given.filter(({ ok }) => !ok).length;
  const met = given.length === 0 ? "withheld" : unmet === 0 ? "all met" : `${count(unmet)} of ${count(given.length)} not met`;
  return [
    { kind: "heading", level: 3, text: `Checks: ${met}` },
    {
      kind: "table",
      columns: [
        { ...left("Check"), wide: true },
        { ...right("Wanted"), wide: true },
        right("Observed, in the order of the experiments"),
        right("Verdict"),
      ],
      rows,
    },
  ];
}

function outcomeOf(ofCheck: readonly Verdict[], figures: TestFigures): string {
  const given = ofCheck.filter((verdict) => !isWithheld(verdict, figures));
  const unmet = given.filter(({ ok }) => !ok).length;
  if (given.length === 0) return "withheld";
  const withheld = given.length < ofCheck.length ? `, ${count(ofCheck.length - given.length)} withheld` : "";
  return unmet === 0 ? `met${withheld}` : `NOT MET in ${count(unmet)} of ${count(given.length)}${withheld}`;
}

function observedOf({ observed, wanted }: Verdict): string {
  return observed === undefined ? "no data" : observedPhrase(observed, wanted);
}

function believe({ state, reasons }: Validity): readonly Block[] {
  const list: Block = { kind: "list", items: reasons.map((reason) => `${reasonPhrase(reason)}.`) };
  if (state === "INVALID") return [{ kind: "paragraph", tone: "plain", text: "Why the run is invalid, and what to do:" }, list];
  const label: Block = { kind: "paragraph", tone: validityTones[state], label: state, text: `${validityMeanings[state]}.` };
  return reasons.length === 0 ? [label] : [label, list];
}
