import type { ComparedMetric, Comparison, EngineSummary, Interval, Summary, ValidityState, ValidityReason } from "../model/figures.ts";
import { falseByChance } from "../measure/byChance.ts";
import { forMore } from "../measure/forMore.ts";
import { isSentAgain } from "../measure/latency.ts";
import type { CacheAnswer, ExperimentFigures, TestFigures } from "../measure/testFigures.ts";
import { attachedTest } from "../model/attachedTest.ts";
import type { RequestRecord } from "../model/record.ts";
import type { TestDescription, TestResult } from "../model/result.ts";
import type { Tone } from "./document.ts";
import { exceededPhrase } from "./limits.ts";
import { change, changeInterval, count, counted, missing, percent, ratio, ratioInterval } from "./numbers.ts";

interface Wording {
  readonly subject: string;
  faster(other: string, effect: string, baseline: string): string;
  /** By how many times as much of what it is slow at, which is the effect turned round, or by how few times as much it achieves. */
  slower(other: string, effect: string, baseline: string): string;
  readonly slowerIs: "turned" | "asItIs";
  alike(other: string, baseline: string): string;
}

const wordings: Readonly<Record<ComparedMetric, Wording>> = {
  ttft: {
    subject: "time to first token",
    faster: (other, effect, baseline) => `${other} is ${effect} times as fast to the first token as ${baseline}`,
    slower: (other, effect, baseline) => `${other} takes ${effect} times as long to the first token as ${baseline}`,
    slowerIs: "turned",
    alike: (other, baseline) => `${other} and ${baseline} are equally fast to the first token`,
  },
  throughput: {
    subject: "throughput",
    faster: (other, effect, baseline) => `${other} generates ${effect} times as many tokens per second within a request as ${baseline}`,
    slower: (other, effect, baseline) => `${other} generates ${effect} times as many tokens per second within a request as ${baseline}`,
    slowerIs: "asItIs",
    alike: (other, baseline) => `${other} and ${baseline} generate equally many tokens per second within a request`,
  },
};

/** "time to first token", "throughput". */
export function metricName(metric: ComparedMetric): string {
  return wordings[metric].subject;
}

/** The answer as a person would say it, interval and caveats included, without naming the experiment. */
export function comparisonSentence(comparison: Comparison): string {
  return isSettled(comparison) ? `${claim(comparison)}${caveats(comparison)}` : unsettled(comparison);
}

/** Why comparisons of a table are inconclusive, each reason once: "time to first token of cached, cold: a verdict needs at least 6 pairs; …". */
export function unsettledPhrases(comparisons: readonly Comparison[]): readonly string[] {
  const unsettled = comparisons.filter(({ verdict }) => verdict === "inconclusive");
  return [...Map.groupBy(unsettled, (comparison) => whyUnsettled(comparison).join("; "))].flatMap(([why, of]) =>
    why === ""
      ? []
      : [`${of.map(({ metric, other, cache }) => `${metricName(metric)} of ${other}, ${cachePhrase(cache)}`).join("; ")}: ${why}`],
  );
}

/** What an experiment shows, without the verdict an invalid run may not give. */
export function withheldSentence({ metric, cache, other, baseline, effect, interval }: Comparison): string {
  const figure = effect === undefined ? "no ratio could be computed" : ratioPhrase(effect, interval);
  return `${metricName(metric)}, ${cachePhrase(cache)}, ${other} against ${baseline}: ${figure}; no verdict, because the run is INVALID`;
}

/** Of a run that was to fail where something is worse, and could not have: who reads its exit code as "no slower" is told. What is INVALID or was cut off fails by that. */
export function ungatedPhrase(
  { manifest, complete, description }: Pick<TestResult, "manifest" | "complete" | "description">,
  { experiments, validity }: TestFigures,
): string | undefined {
  if (manifest.failOn === undefined || validity.state === "INVALID" || !complete) return undefined;
  const comparisons = experiments.flatMap((experiment) => experiment.comparisons);
  if (comparisons.some(({ verdict }) => verdict !== "inconclusive")) return undefined;
  const [why, instead] =
    comparisons.length === 0
      ? ["there is nothing to compare", "compare two engines"]
      : [
          `its ${counted(comparisons.length, "comparison")} ${comparisons.length === 1 ? "is" : "are"} inconclusive`,
          forMore(description.test).requests,
        ];
  const check = description.test === attachedTest ? "a check of a test file" : "a check";
  return `--fail-on ${manifest.failOn} could not tell: ${why}, and a slower engine would not have failed this run: ${instead}, or gate on ${check}, such as atMost(on.NAME.ttft.p50, 0.5)`;
}

/** Told from here on: in one run of ten, one verdict would be by chance. */
const toldFrom = 0.1;

/** Of a run with so many comparisons, as uncertain as they are, that some may be better or worse though no engine differs; undefined else. */
export function byChancePhrase({
  experiments,
}: {
  readonly experiments: readonly Pick<ExperimentFigures, "comparisons" | "validity">[];
}): string | undefined {
  const comparisons = experiments.filter(({ validity }) => validity.state !== "INVALID").flatMap((experiment) => experiment.comparisons);
  const found = comparisons.filter(({ verdict }) => verdict === "better" || verdict === "worse").length;
  const byChance = falseByChance(comparisons);
  if (found === 0 || byChance < toldFrom) return undefined;
  return `about ${byChance.toFixed(1)} of ${counted(comparisons.length, "comparison")} would be better or worse if no engine differed; ${count(found)} ${found === 1 ? "is" : "are"}: a new run shows which last`;
}

export const verdictTones: Readonly<Record<Comparison["verdict"], Tone>> = {
  better: "good",
  worse: "bad",
  equivalent: "plain",
  inconclusive: "undecided",
};

export const validityTones: Readonly<Record<ValidityState, Tone>> = { VALID: "good", DEGRADED: "warning", INVALID: "alarm" };

export const validityMeanings: Readonly<Record<ValidityState, string>> = {
  VALID: "nothing was found in the way of the measurement",
  DEGRADED: "something was in the way of the measurement: read the numbers with it in mind",
  INVALID: "the numbers are shown, but no verdict is given on them",
};

type Settled = Comparison & { readonly effect: number; readonly verdict: "better" | "worse" | "equivalent" };

function isSettled(comparison: Comparison): comparison is Settled {
  return comparison.verdict !== "inconclusive" && comparison.effect !== undefined;
}

function claim({ verdict, metric, other, baseline, effect, interval, margin }: Settled): string {
  const words = wordings[metric];
  switch (verdict) {
    case "better":
      return `${words.faster(other, ratio(effect, interval), baseline)}${between(effect, interval)}`;
    case "worse": {
      const told = words.slowerIs === "turned" ? turnedRound(effect, interval) : { effect, interval };
      return `${words.slower(other, ratio(told.effect, told.interval), baseline)}${between(told.effect, told.interval)}`;
    }
    case "equivalent":
      return `${words.alike(other, baseline)}, to within ${percent(margin)}: ratio ${ratio(effect, interval)}${between(effect, interval)}`;
  }
}

function turnedRound(effect: number, interval: Interval | undefined): { readonly effect: number; readonly interval: Interval | undefined } {
  return { effect: 1 / effect, interval: interval === undefined ? undefined : [1 / interval[1], 1 / interval[0]] };
}

function unsettled(comparison: Comparison): string {
  const { metric, other, baseline, effect, interval } = comparison;
  const figure = effect === undefined ? "" : `: ${ratioPhrase(effect, interval)}`;
  const so = `whether ${other} differs from ${baseline} in ${metricName(metric)} is not settled${figure}${caveats(comparison)}`;
  return [so, ...whyUnsettled(comparison)].join("; ");
}

function whyUnsettled(comparison: Comparison): readonly string[] {
  const { reason, morePairs } = comparison;
  return [
    ...(reason === undefined ? [] : [reason]),
    // Of a new run: whoever adds pairs until a verdict comes gets one, also where there is nothing.
    ...(morePairs === undefined ? [] : [`a new run with about ${enough(comparison, morePairs)}, settled on beforehand, may tell`]),
  ];
}

/** More pairs in the same waves would tell nothing more. */
function enough({ pairs, waves }: Comparison, morePairs: number): string {
  const wanted = pairs + morePairs;
  if (waves === undefined) return counted(wanted, "pair");
  return counted(Math.ceil((wanted / pairs) * waves), "wave");
}

/** Of a time too, the effect is what is gained: 0.25 takes four times as long. */
function ratioPhrase(effect: number, interval: Interval | undefined): string {
  return `ratio ${ratio(effect, interval)}${between(effect, interval)}, above 1 is better`;
}

function between(effect: number, interval: Interval | undefined): string {
  return interval === undefined ? "" : ` (${ratioInterval(effect, interval)})`;
}

/** Said where a third of them or more are too many to be counted as independent. */
const fewer = 2 / 3;

function caveats({ cache, pairs, waves, independentPairs = pairs }: Comparison): string {
  const together = waves === undefined ? "" : ` in ${counted(waves, "wave")}`;
  const alike =
    independentPairs < pairs * fewer && independentPairs !== waves
      ? ` that tell as much as ${count(independentPairs)} independent ones`
      : "";
  return `, ${cachePhrase(cache)}, ${counted(pairs, "pair")}${together}${alike}, within this boot`;
}

/** "warm", "all requests": which requests a comparison is about. */
export function cachePhrase(cache: Comparison["cache"]): string {
  switch (cache) {
    case "all":
      return "all requests";
    case "partial":
      return "partly cached";
    default:
      return cache;
  }
}

/** Which engines were not measured; undefined when all were. */
export function simulatedPhrase({ simulated, engines }: Pick<TestDescription, "simulated" | "engines">): string | undefined {
  const names = engines.filter((engine) => engine.simulated).map(({ name }) => name);
  if (!simulated) return undefined;
  return names.length === engines.length ? "simulated: no engine was measured" : `simulated: ${names.join(", ")}, not measured`;
}

/** "3/40": of requests due. */
export function failedOf({ failures, requests }: EngineSummary): string {
  return `${count(failures)}/${count(requests)}`;
}

/** Of a run that was cut off: "plain 5 of 16, cached 3 of 16 requests due: …". Undefined where all have ended. */
export function unfinishedPhrase(summaries: readonly EngineSummary[]): string | undefined {
  const unfinished = summaries.filter(({ cancelled }) => cancelled > 0);
  if (unfinished.length === 0) return undefined;
  const shares = unfinished.map(({ engine, cancelled, requests }) => `${engine} ${count(cancelled)} of ${count(requests)}`);
  return `${shares.join(", ")} requests due: nobody knows what would have become of them`;
}

/** "97.5 % (234 of 240)": of requests due. */
export function goodputPhrase({ goodput, requests }: Pick<Summary, "goodput" | "requests">): string {
  if (goodput === undefined) return missing;
  return `${percent(goodput)} (${count(Math.round(goodput * requests))} of ${count(requests)})`;
}

/** Failed requests of those due: "plain: 2 of 10 requests (http-status 2); the first: 503: no place". */
export function failuresPhrase({ engine, failures, requests, failuresByCode }: EngineSummary, records: readonly RequestRecord[]): string {
  const codes = Object.entries(failuresByCode).map(([code, amount]) => `${code} ${count(amount)}`);
  const first = records
    .filter((record) => record.engine === engine)
    .map(whyFailed)
    .find((why) => why !== undefined);
  return `${engine}: ${count(failures)} of ${counted(requests, "request")}${codes.length === 0 ? "" : ` (${codes.join(", ")})`}${first === undefined ? "" : `; the first: ${inShort(first)}`}`;
}

/** Told of a single one too: "plain: 6 of 2,400 requests, because …". Undefined where there was none. */
export function sentTwicePhrase(engine: string, records: readonly RequestRecord[]): string | undefined {
  const own = records.filter((record) => record.engine === engine);
  const again = own.filter(isSentAgain).length;
  if (again === 0) return undefined;
  return `${engine}: ${count(again)} of ${counted(own.length, "request")}, because it had closed the connection; TTFT and E2E latency count from the second time`;
}

/** Where the median gap between tokens is 0, what that says. */
export function bunchedPhrase({ engine, itl }: EngineSummary): string | undefined {
  if (itl.p50 !== 0) return undefined;
  return `${engine}: most tokens come in the same read as the one before, collected on their way (by a proxy, or where we are slower than they are) or made several at a time: ITL tells how they come, TPOT how fast`;
}

function whyFailed({ outcome }: RequestRecord): string | undefined {
  const why = outcome.kind === "failed" ? outcome.message : outcome.kind === "dropped" ? outcome.reason : "";
  return why === "" ? undefined : why;
}

function inShort(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 160)} …` : line;
}

/** Why a run is not simply valid, by how much, and what to do: "the harness sent requests late (up to 22.3 ms); sendLag 22.3 ms, limit 5 ms; …". */
export function reasonPhrase({ engine, what, advice, exceeded }: ValidityReason): string {
  const found = [what, exceeded === undefined ? undefined : exceededPhrase(exceeded), advice].filter((part) => part !== undefined);
  return `${engine === undefined ? "" : `${engine}: `}${found.join("; ")}`;
}

/** "+9.7 %", or the interval where that holds 0: "−2 % to +9 %". */
export function costPhrase({ costOfStoring, costUndecided }: Pick<CacheAnswer, "costOfStoring" | "costUndecided">): string {
  return costUndecided === undefined ? change(costOfStoring) : changeInterval(costUndecided);
}

/** Why engines have no gain, or no single cost of storing, each reason once: "gain of plain, cached: 2 cold and 18 warm requests are too few, …". */
export function leftOutPhrases(answers: readonly CacheAnswer[]): readonly string[] {
  return [...withheldGainPhrases(answers), ...undecidedCostPhrases(answers)];
}

function undecidedCostPhrases(answers: readonly CacheAnswer[]): readonly string[] {
  // Where all of an engine's failed, more of them would, too.
  const isAdvised = answers.every(({ coldRequests }) => coldRequests > 0);
  return byReason("cost of storing", answers, ({ costUndecided, costUnknown = costUndecided && "its 95 % interval holds 0", more }) =>
    costUnknown === undefined ? undefined : `whether there is one is not settled, ${costUnknown}${isAdvised ? `: ${more.documents}` : ""}`,
  );
}

/** How far gains are to be believed, each caveat once: "gain of plain, cached: cold requests came in 2 waves, …". */
export function gainCaveats(answers: readonly CacheAnswer[]): readonly string[] {
  return byReason("gain", answers, ({ coldWaves, more }) =>
    coldWaves === undefined
      ? undefined
      : `cold requests came in ${counted(coldWaves, "wave")}, and part of what they waited for may be one another: ${more.waves}`,
  );
}

function withheldGainPhrases(answers: readonly CacheAnswer[]): readonly string[] {
  return byReason("gain", answers, ({ withheld }) => withheld);
}

function byReason(what: string, answers: readonly CacheAnswer[], reasonOf: (answer: CacheAnswer) => string | undefined): readonly string[] {
  return [...Map.groupBy(answers, reasonOf)].flatMap(([reason, of]) =>
    reason === undefined ? [] : [`${what} of ${of.map(({ engine }) => engine).join(", ")}: ${reason}`],
  );
}
