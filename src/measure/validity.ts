import type { EngineSummary, Validity, ValidityReason, ValidityState } from "../model/figures.ts";
import type { LimitName } from "../model/limits.ts";
import type { RequestRecord } from "../model/record.ts";
import type { ExperimentDescription, ExperimentResult } from "../model/result.ts";
import type { DifferingAnswers } from "./answers.ts";
import { nearestRank, sortedValues, tailOf } from "./distribution.ts";
import { halvesApart } from "./drift.ts";
import { largest } from "./harnessMargin.ts";
import { sendLag, tokensOfEvents } from "./latency.ts";
import { queueGrowth, type QueueGrowth } from "./queueGrowth.ts";
import { isCompleted } from "./summary.ts";

interface Limit {
  /** What is held against it, as docs/measurement.md has it. */
  readonly measured: string;
  readonly unit: "seconds" | "cores" | "share";
  /** Above it the numbers are shown, marked. */
  readonly degraded?: number;
  /** Above it verdicts are withheld. */
  readonly invalid?: number;
}

type Limits = Readonly<Record<LimitName, Limit>>;

/** Where a run stops being believed: every limit there is, in seconds, cores or shares of 1. */
export const limits = {
  neverDue: { measured: "requests that never fell due, because the run ended before", unit: "share", invalid: 0 },
  unfinished: { measured: "requests cancelled, or cut off with the run", unit: "share", degraded: 0, invalid: 0.05 },
  failures: { measured: "failed requests of an engine, unless a check allows them", unit: "share", degraded: 0, invalid: 0.05 },
  exhausted: { measured: "requests for which the harness's machine had no port or file left", unit: "share", invalid: 0 },
  sendLag: { measured: "send lag, p99 (below 662 values the longest)", unit: "seconds", degraded: 0.005 },
  sendLagOfMost: { measured: "send lag, in nine requests of ten", unit: "seconds", invalid: 0.05 },
  rate: {
    measured: "requests sent per second against those due, difference, of an engine's 20 or more",
    unit: "share",
    degraded: 0.02,
    invalid: 0.1,
  },
  saturation: {
    measured:
      "what each request took longer than the one before it, by the time between the two, of an engine that answered fewer per second than fell due",
    unit: "share",
    degraded: 0.02,
  },
  drift: {
    measured: "how much longer TTFT or TPOT were in the second half of an engine's requests than in the first, or shorter",
    unit: "share",
    degraded: 0.2,
  },
  eventLoopDelay: {
    measured: "delay of a load thread's event loop, p99 within a second, in nine seconds of ten",
    unit: "seconds",
    degraded: 0.01,
    invalid: 0.1,
  },
  cpu: { measured: "CPU time of a load thread, in nine seconds of ten", unit: "cores", degraded: 0.8 },
  harnessError: {
    measured: "error of the harness's stamps against the ground-truth engine, p99 (below 662 values the largest)",
    unit: "seconds",
    degraded: 0.005,
    invalid: 0.05,
  },
  harnessTtft: { measured: "error of the harness's TTFT, likewise", unit: "seconds", degraded: 0.005 },
  uncalibrated: { measured: "runs with --no-calibration", unit: "share", degraded: 0 },
  steal: { measured: "time the machine's host took from it, in nine seconds of ten", unit: "share", degraded: 0.1 },
  crowded: { measured: "threads that run or want to, for each core of the machine, in nine seconds of ten", unit: "share", degraded: 2 },
  clockStep: { measured: "wall clock against monotonic clock, largest change within a second", unit: "seconds", degraded: 0.5 },
  clock: { measured: "requests whose stamps run backwards", unit: "share", invalid: 0 },
  countedByEvents: { measured: "replies of an engine without usage: one token counted for each event", unit: "share", degraded: 0 },
  tokenCounts: {
    measured: "output tokens by usage against by events, of an engine, beyond one token a reply",
    unit: "share",
    degraded: 0.01,
  },
  promptTokens: { measured: "requests with another number of prompt tokens on another engine", unit: "share", degraded: 0 },
  outputTokens: { measured: "requests with another number of output tokens on another engine", unit: "share", degraded: 0 },
  overlong: { measured: "replies of an engine with more tokens than were asked for", unit: "share", degraded: 0 },
  coldCached: { measured: "prompt tokens of cold requests that an engine found in its cache", unit: "share", degraded: 0.05 },
  answers: {
    measured: "prompts that an engine answered otherwise out of a cache, or otherwise than the baseline",
    unit: "share",
    degraded: 0,
  },
} as const satisfies Limits;

const usual = limits;

/** The usual ones, but for what the experiment says. */
function limitsOf({ limits: changes = {} }: ExperimentDescription): Limits {
  const changed = Object.entries(changes).map(([name, change]) => {
    const { measured, unit, ...usual }: Limit = limits[name as LimitName]; // experiment() has checked it
    return [name, { measured, unit, ...(change === false ? {} : { ...usual, ...change }) }];
  });
  return { ...limits, ...Object.fromEntries(changed) };
}

export interface ValidityOptions {
  /** Engines whose failures a check allows. */
  readonly mayFail?: readonly (string | undefined)[];
  readonly uncalibrated?: boolean;
  readonly answers?: readonly DifferingAnswers[];
  /** Engines that Tandem did not start: it has no log of them. */
  readonly withoutLog?: readonly string[];
  /** What did not come up, or died. That other requests failed or were not sent then goes without saying. */
  readonly deaths?: readonly ValidityReason[];
  readonly besides?: readonly ValidityReason[];
}

/** Was the harness, the population or an unlike pair of engines in the way? A missing reading is no reason: virtual time has no host. */
export function validity(
  result: ExperimentResult,
  summaries: readonly EngineSummary[],
  { mayFail = [], uncalibrated = false, answers = [], withoutLog = [], deaths = [], besides = [] }: ValidityOptions = {},
): Validity {
  const { records } = result;
  const limits = limitsOf(result.description);
  const reasons = [
    ...deaths,
    ...(deaths.length > 0 ? [] : population(result, limits)),
    ...summaries
      .filter((summary) => !isExplainedBy(deaths, summary))
      .flatMap((summary) =>
        failures(summary, { allowed: mayFail.includes(summary.engine), log: !withoutLog.includes(summary.engine) }, limits),
      ),
    ...harness(result, limits),
    ...summaries.flatMap(({ engine }) => steadiness(ofEngine(records, engine), engine, limits)),
    ...beyond(limits.uncalibrated, uncalibrated ? 1 : 0, {
      what: "the harness's own error is not known",
      advice: "run without --no-calibration before you rely on a small difference",
    }),
    ...summaries.flatMap(({ engine }) => tokenCounts(ofEngine(records, engine), engine, limits)),
    ...unlikeEngines(records.filter(isCompleted), limits),
    ...summaries.flatMap(({ engine }) => overlong(ofEngine(records, engine).filter(isCompleted), engine, limits)),
    ...summaries.flatMap(({ engine }) => cacheState(ofEngine(records, engine), engine, limits)),
    ...answers.flatMap(({ share, ...words }) => beyond(limits.answers, share, words)),
    ...besides,
  ];
  return { state: worstOf(reasons), reasons };
}

/** Of all experiments of a test: the worst state, and every reason once, with the experiments it holds for. */
export function joined(experiments: readonly { readonly title: string; readonly validity: Validity }[]): Validity {
  const named = experiments.flatMap(({ title, validity }) => once(validity.reasons).map((reason) => ({ title, reason })));
  const alike = Map.groupBy(named, ({ reason }) => JSON.stringify(reason));
  const reasons = [...alike.values()].flatMap((same) => {
    const titles = same.map(({ title }) => title);
    return same.slice(0, 1).map(({ reason }) => ({ ...reason, what: withTitles(reason.what, titles, experiments.length) }));
  });
  return { state: worstOf(reasons), reasons };
}

function withTitles(what: string, titles: readonly string[], experiments: number): string {
  if (titles.length === experiments) return what;
  if (titles.length === 1) return `${titles[0]}: ${what}`;
  const named = titles.length > 3 ? [...titles.slice(0, 2), "…"] : titles;
  return `${what}, in ${titles.length} of ${experiments} experiments (${named.join("; ")})`;
}

/** What was found before each of several blocks is one reason. */
function once(reasons: readonly ValidityReason[]): readonly ValidityReason[] {
  return [...new Map(reasons.map((reason) => [JSON.stringify(reason), reason])).values()];
}

function worstOf(reasons: readonly ValidityReason[]): ValidityState {
  if (reasons.some(({ state }) => state === "INVALID")) return "INVALID";
  return reasons.length > 0 ? "DEGRADED" : "VALID";
}

type Words = Pick<ValidityReason, "what" | "advice" | "engine">;

/** At most one reason: none where the value is missing, or within the limit. */
function beyond({ degraded = Infinity, invalid = Infinity }: Limit, value: number | undefined, words: Words): readonly ValidityReason[] {
  if (value === undefined || value <= Math.min(degraded, invalid)) return [];
  return [{ state: value > invalid ? "INVALID" : "DEGRADED", ...words }];
}

function population({ records, neverDue }: ExperimentResult, limits: Limits): readonly ValidityReason[] {
  const scheduled = records.length + neverDue;
  const unfinished = records.filter(({ outcome }) => outcome.kind === "cancelled").length;
  const advice = "run it again to its end; what there is was kept";
  return [
    ...beyond(limits.neverDue, share(neverDue, scheduled), {
      what: `the run ended before ${neverDue} of ${scheduled} requests were due`,
      advice,
    }),
    ...beyond(limits.unfinished, share(unfinished, records.length), {
      what: `${unfinished} of ${records.length} requests were cancelled or cut off`,
      advice,
    }),
  ];
}

/** Of an engine that was not there, or of one whose turn did not come for that. */
function isExplainedBy(deaths: readonly ValidityReason[], { engine, requests }: EngineSummary): boolean {
  return deaths.some((death) => requests === 0 || death.engine === engine);
}

function failures(
  { engine, requests, completed, failures, failuresByCode }: EngineSummary,
  { allowed, log }: { readonly allowed: boolean; readonly log: boolean },
  limits: Limits,
): readonly ValidityReason[] {
  if (requests === 0) {
    const advice = log ? "see why in the engine's log, and run it again" : "run it again to its end";
    return [{ state: "INVALID", what: "was sent no request", advice, engine }];
  }
  const lookThere = `see why in ${log ? "the CSV and in the engine's log" : "the CSV's column failure"}${codesOf(failuresByCode)}`;
  if (completed === 0) return [{ state: "INVALID", what: `completed none of ${requests} requests`, advice: lookThere, engine }];
  const limit = allowed ? { ...limits.failures, invalid: Infinity } : limits.failures;
  const own = failures - (failuresByCode.exhausted ?? 0);
  return beyond(limit, share(own, requests), {
    what: `failed ${own} of ${requests} requests, and the others may be the easier ones`,
    advice: allowed ? lookThere : `${lookThere}, or say in a check how many may: mayFail(…)`,
    engine,
  });
}

function codesOf(failuresByCode: Readonly<Record<string, number>>): string {
  const codes = Object.entries(failuresByCode).map(([code, count]) => `${code} ${count}`);
  return codes.length === 0 ? "" : ` (${codes.join(", ")})`;
}

function harness(result: ExperimentResult, limits: Limits): readonly ValidityReason[] {
  const { records } = result;
  const lags = sortedValues(records.map(sendLag));
  const lag = tailOf(lags);
  const delay = inNineOfTen(result, "event-loop-delay-seconds");
  const cpu = inNineOfTen(result, "cpu-share");
  const [ttftError, stampError] = [largest(result, "ttft"), largest(result, "stamp")];
  const steal = inNineOfTen(result, "host-steal-share");
  const crowd = inNineOfTen(result, "host-runnable-per-core");
  const step = Math.max(0, ...readingsOf(result, "clock-step-seconds"));
  const backwards = records.filter(runsBackwards).length;
  const quieter = "close other work on this machine, or lower the rate";
  const exhausted = records.filter(({ outcome }) => outcome.kind === "failed" && outcome.code === "exhausted").length;
  return [
    ...beyond(limits.exhausted, share(exhausted, records.length), {
      what: `the harness's machine had no port or file left for ${exhausted} requests: they are no failures of the engine`,
      advice: "raise ulimit -n, or keep fewer requests under way (from one address to one port there are about 28,000 connections)",
    }),
    ...beyond(limits.sendLag, lag, { what: `the harness sent requests late (up to ${milliseconds(lags.at(-1))})`, advice: quieter }),
    // One late request is marked above: its TTFT counts from when it was sent. When most are late, another load was played than was asked for.
    ...beyond(limits.sendLagOfMost, nearestRank(lags, 0.9), {
      what: `the harness could not keep the schedule (one request in ten was ${milliseconds(nearestRank(lags, 0.9))} late or more)`,
      advice: quieter,
    }),
    ...ratesOf(records, limits),
    ...beyond(limits.eventLoopDelay, delay, {
      what: `the harness stamped late (event loop held up for ${milliseconds(delay)})`,
      advice: quieter,
    }),
    ...beyond(limits.cpu, cpu, {
      what: `the harness was at its limit (${cpu?.toFixed(2)} CPU cores)`,
      advice: "lower the rate or the number of streams, or give it a faster core",
    }),
    ...beyond(limits.harnessError, stampError, {
      what: `the harness's own stamps are off by ${milliseconds(stampError)} at this load`,
      advice: quieter,
    }),
    // Never INVALID: the ground-truth engine's own lateness in reading is in it, and differences of that size are refused anyway.
    ...beyond(limits.harnessTtft, ttftError, {
      what: `the harness's own TTFT is off by ${milliseconds(ttftError)} at this load`,
      advice: quieter,
    }),
    ...beyond(limits.steal, steal, {
      what: `the machine's host gave ${Math.round((steal ?? 0) * 100)} % of its time to others`,
      advice: "measure on a machine of your own, or again when it is quiet",
    }),
    ...beyond(limits.crowded, crowd, {
      what: `${crowd?.toFixed(1)} threads wanted each core of this machine`,
      advice: "end other work, or give each engine cores of its own: one that waits for a core looks slow",
    }),
    ...beyond(limits.clockStep, step, {
      what: `the wall clock was set by ${milliseconds(step)}`,
      advice: "the numbers stand, they come from the monotonic clock; do not compare times of day with the engine's log",
    }),
    ...beyond(limits.clock, share(backwards, records.length), {
      what: `the stamps of ${backwards} requests run backwards`,
      advice: "do not use these numbers, and report the fault: the clock of a run never goes back",
    }),
  ];
}

/** What was offered against what was sent, where there are enough requests for a rate. */
function ratesOf(records: readonly RequestRecord[], limits: Limits): readonly ValidityReason[] {
  return [...Map.groupBy(records, ({ engine, block }) => `${engine} ${block}`).values()].flatMap((own) => {
    const sent = own.flatMap((record) => (record.sent === undefined ? [] : [{ due: record.due, sent: record.sent }]));
    if (sent.length < 20) return [];
    const [offered, achieved] = [spread(sent.map(({ due }) => due)), spread(sent.map((one) => one.sent))];
    const off = offered === 0 ? undefined : Math.abs(offered / achieved - 1);
    return beyond(limits.rate, off, {
      what: `requests were sent at ${Math.round((offered / achieved) * 100)} % of the rate that was asked for`,
      advice: "lower the rate, or say atOnce() where it does not matter",
      ...(own[0] === undefined ? {} : { engine: own[0].engine }),
    });
  });
}

/** Of one that falls behind it goes without saying that it becomes slower, also where the experiment means it to. */
function steadiness(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const growth = queueGrowth(records);
  return growth !== undefined && growth.behind > usual.saturation.degraded
    ? saturation(growth, engine, limits)
    : drifting(records, engine, limits);
}

function drifting(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const found = halvesApart(records);
  if (found === undefined) return [];
  const { metric, ratio, apart } = found;
  return beyond(limits.drift, apart, {
    what: `${ratio > 1 ? "became slower" : "became faster"} while it was measured: in the second half of its requests ${metric} was ${ratio.toPrecision(3)} times that of the first`,
    advice:
      "its figures are a mean of the two: look at its requests over time in the report, and measure again when whatever changed is over",
    engine,
  });
}

/** Sent more than it can answer, an engine is measured by the length of the run: the longer that is, the slower it looks. */
function saturation({ offered, served, longer, behind }: QueueGrowth, engine: string, limits: Limits): readonly ValidityReason[] {
  return beyond(limits.saturation, behind, {
    what: `was saturated: of ${perSecond(offered)} requests/s that fell due it answered ${perSecond(served)}, and fell behind by ${milliseconds(longer)} with each`,
    advice:
      "lower the rate, or its latencies are those of a queue that grows with the run; to compare engines at saturation on purpose, say limits: { saturation: false } in the experiment",
    engine,
  });
}

function spread(times: readonly number[]): number {
  return times.reduce((most, time) => Math.max(most, time), -Infinity) - times.reduce((least, time) => Math.min(least, time), Infinity);
}

/** Readings are one a second, and a single bad second is not the run. */
function inNineOfTen(result: ExperimentResult, series: string): number | undefined {
  return nearestRank(sortedValues(readingsOf(result, series)), 0.9);
}

function readingsOf({ readings }: ExperimentResult, series: string): readonly number[] {
  return readings.filter((reading) => reading.of === "harness" && reading.series === series).map(({ value }) => value);
}

function runsBackwards({ due, sent = due, headers = sent, chunks }: RequestRecord): boolean {
  const first = chunks.at[0] ?? headers;
  return sent < due || headers < sent || first < headers || chunks.at.some((at, index) => at < (chunks.at[index - 1] ?? at));
}

function tokenCounts(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const replies = records.filter(isCompleted);
  const byEvents = replies.filter(({ outputTokensSource }) => outputTokensSource === "events").length;
  const told = replies.filter(({ outputTokensSource }) => outputTokensSource === "usage");
  const usage = told.reduce((sum, { outputTokens = 0 }) => sum + outputTokens, 0);
  const events = told.reduce((sum, record) => sum + tokensOfEvents(record), 0);
  return [
    ...beyond(limits.countedByEvents, share(byEvents, replies.length), {
      what: `output tokens of ${byEvents} replies are counted as one for each event, because the server told no usage`,
      advice: "do not rely on tokens/s, TPOT and throughput where an event may carry several tokens",
      engine,
    }),
    // The token that ends a text has none itself, and need not have an event.
    ...beyond(limits.tokenCounts, share(Math.abs(usage - events) - told.length, usage > 0 ? usage : events), {
      what: `usage tells ${usage} output tokens, the events carried ${events}`,
      advice: "read ITL as the gaps between events, not between tokens; TPOT and throughput count the tokens of usage",
      engine,
    }),
  ];
}

/** The same request must have been the same work on every engine. */
function unlikeEngines(completed: readonly RequestRecord[], limits: Limits): readonly ValidityReason[] {
  const requests = [...Map.groupBy(completed, ({ block, request }) => `${block} ${request}`).values()];
  const prompts = requests.filter((same) => areUnlike(same.map(({ promptTokens }) => promptTokens))).length;
  const outputs = requests.filter((same) => areUnlike(same.map(({ outputTokens }) => outputTokens))).length;
  return [
    ...beyond(limits.promptTokens, share(prompts, requests.length), {
      what: `${prompts} requests had another number of prompt tokens on another engine`,
      advice: "compare engines with the same tokenizer and chat template, or that take token ids",
    }),
    ...beyond(limits.outputTokens, share(outputs, requests.length), {
      what: `${outputs} requests got an answer of another length on another engine`,
      advice: "rely on TTFT and TPOT; E2E latency and tokens/s differ by the length too",
    }),
  ];
}

/** Work that nobody asked for: its E2E latency and tokens/s are of another workload. */
function overlong(completed: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const longer = completed.filter(({ outputTokens = 0, maxOutputTokens = Infinity }) => outputTokens > maxOutputTokens);
  const longest = longer.reduce((most, { outputTokens = 0 }) => Math.max(most, outputTokens), 0);
  return beyond(limits.overlong, share(longer.length, completed.length), {
    what: `answered ${longer.length} of ${completed.length} requests with more tokens than were asked for (up to ${longest} for ${longer[0]?.maxOutputTokens})`,
    advice: "it does not keep to max_tokens: rely on TTFT and TPOT; E2E latency and tokens/s are of longer answers",
    engine,
  });
}

function areUnlike(counts: readonly (number | undefined)[]): boolean {
  return new Set(counts.filter((count) => count !== undefined)).size > 1;
}

function cacheState(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const cold = records.filter((record) => record.cache === "cold" && isCompleted(record) && record.cachedTokens !== undefined);
  const cached = cold.reduce((sum, { cachedTokens = 0 }) => sum + cachedTokens, 0);
  const prompt = cold.reduce((sum, { promptTokens = 0 }) => sum + promptTokens, 0);
  const found = share(cached, prompt);
  return beyond(limits.coldCached, found, {
    what: `cold requests found ${Math.round((found ?? 0) * 100)} % of their prompts in the cache`,
    advice: "do not call them cold: empty the caches before, start the engine anew, or take another seed",
    engine,
  });
}

function ofEngine(records: readonly RequestRecord[], engine: string): readonly RequestRecord[] {
  return records.filter((record) => record.engine === engine);
}

function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}

function perSecond(rate: number): string {
  return String(Number(rate.toPrecision(3)));
}

function milliseconds(seconds = 0): string {
  return `${Number((seconds * 1_000).toPrecision(3))} ms`;
}
