import { figuresOf, type ExperimentFigures } from "../measure/testFigures.ts";
import type { Comparison, Verdict } from "../model/figures.ts";
import type { Report } from "../model/report.ts";
import type { ExperimentResult, RunManifest, TestResult } from "../model/result.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { observedPhrase, wantedPhrase } from "./numbers.ts";
import { cachePhrase, comparisonSentence, metricName, reasonPhrase, ungatedPhrase, withheldSentence } from "./sentences.ts";
import { isVirtual } from "./virtual.ts";

/** For CI jobs: a suite of each experiment; whether it can be believed, each check and each comparison is a test case. It fails where the run does. */
export const junit: Report = {
  kind: "junit",
  extension: "xml",
  write: async (result) => new TextEncoder().encode(junitText(result)),
};

interface Case {
  readonly name: string;
  readonly ends: "passed" | "skipped" | "failure" | "error";
  readonly says: string;
}

export function junitText(result: TestResult): string {
  const { description, manifest } = result;
  const figures = figuresOf(result);
  const suites = figures.experiments.map((experiment, index) => {
    // In virtual time nobody was there, and two runs have the same bytes.
    const made = isVirtual(description) ? "" : madeOf(manifest, lengthOf(result.experiments[index]));
    return suite(titleOf(result, index), made, casesOf(experiment, manifest.failOn));
  });
  return suitesText(description.test, [...suites, ...ungatedSuite(description.test, ungatedPhrase(result, figures))]);
}

/** Of a test that was not begun: that, and why, in place of an earlier run's file, which would pass for this run's. */
export function junitOfUnrun(test: string, { ends, says }: Pick<Case, "ends" | "says">, manifest: RunManifest): string {
  return suitesText(test, [suite(test, madeOf(manifest, 0), [{ name: "it is run", ends, says }])]);
}

function suitesText(test: string, suites: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escaped(test)}">\n${suites.join("")}</testsuites>\n`;
}

/** Where and when the run began (UTC; the format has no zone), and how long its experiment took: an old file is told from a new one. */
function madeOf({ startedAt, host }: RunManifest, lasted: Seconds | undefined): string {
  const attributes = {
    timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(startedAt)?.[0],
    time: lasted?.toFixed(3),
    hostname: host["name"],
  };
  return Object.entries(attributes)
    .map(([name, value]) => (value === undefined ? "" : ` ${name}="${escaped(value)}"`))
    .join("");
}

function lengthOf(experiment: ExperimentResult | undefined): Seconds | undefined {
  return experiment?.span && toSeconds(experiment.span.to - experiment.span.from);
}

/** A job that shows passed and skipped cases only is told that it was no gate. */
function ungatedSuite(test: string, says: string | undefined): readonly string[] {
  return says === undefined ? [] : [suite(`${test}: all experiments`, "", [{ name: "--fail-on could tell", ends: "skipped", says }])];
}

function titleOf({ description }: TestResult, index: number): string {
  const simulated = description.simulated ? ", simulated" : "";
  return `${description.test}: experiment ${index}, ${description.experiments[index]?.title}${simulated}`;
}

function suite(name: string, made: string, cases: readonly Case[]): string {
  const counts = (["failure", "error", "skipped"] as const).map((kind) => cases.filter(({ ends }) => ends === kind).length);
  const [failures, errors, skipped] = counts;
  const head = `name="${escaped(name)}" tests="${cases.length}" failures="${failures}" errors="${errors}" skipped="${skipped}"${made}`;
  return `  <testsuite ${head}>\n${cases.map((one) => caseText(name, one)).join("")}  </testsuite>\n`;
}

function caseText(suite: string, { name, ends, says }: Case): string {
  const ending = ends === "passed" ? `<system-out>${escaped(says)}</system-out>` : `<${ends} message="${escaped(says)}"/>`;
  return `    <testcase classname="${escaped(suite)}" name="${escaped(name)}">${ending}</testcase>\n`;
}

function casesOf({ validity, verdicts, comparisons }: ExperimentFigures, failOn: "worse" | undefined): readonly Case[] {
  const isInvalid = validity.state === "INVALID";
  const why = [validity.state, ...validity.reasons.map(reasonPhrase)].join("\n");
  return [
    { name: "it can be believed", ends: isInvalid ? "error" : "passed", says: why },
    ...verdicts.map((verdict) => checkCase(verdict, isInvalid)),
    ...comparisons.map((comparison) => comparisonCase(comparison, isInvalid, failOn)),
  ];
}

function checkCase({ check, ok, observed, wanted }: Verdict, isInvalid: boolean): Case {
  const says = `${observed === undefined ? "no data" : observedPhrase(observed, wanted)}, wanted ${wantedPhrase(wanted)}`;
  return isInvalid
    ? { name: check, ends: "skipped", says: `${says}; withheld, because the run is INVALID` }
    : { name: check, ends: ok ? "passed" : "failure", says };
}

function comparisonCase(comparison: Comparison, isInvalid: boolean, failOn: "worse" | undefined): Case {
  const { metric, cache, other, baseline, verdict } = comparison;
  const name = `${other} against ${baseline}: ${metricName(metric)}, ${cachePhrase(cache)}`;
  if (isInvalid) return { name, ends: "skipped", says: withheldSentence(comparison) };
  const ends = verdict === "inconclusive" ? "skipped" : verdict === failOn ? "failure" : "passed";
  return { name, ends, says: `${verdict}: ${comparisonSentence(comparison)}` };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
  "\t": "&#9;",
  "\r": "&#13;",
};

/** Whole in attributes too, where line ends would become spaces. What XML cannot hold at all is replaced. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\u{FFFD}")
    .replaceAll(/[&<>"\n\t\r]/g, (character) => entities[character] ?? character);
}
