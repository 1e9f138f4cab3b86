import { figuresOf, type CacheAnswer, type ExperimentFigures } from "../measure/testFigures.ts";
import { receiveStamps } from "../measure/receiveStamps.ts";
import { replayedLoadOf, type LoadSize } from "../measure/replayedLoad.ts";
import { rulerErrorOf } from "../measure/rulerError.ts";
import type { Comparison, Distribution, EngineSummary, Summary, Verdict } from "../model/figures.ts";
import type { Report } from "../model/report.ts";
import type { ExperimentDescription, ExperimentResult, TestResult } from "../model/result.ts";
import { peakGpuMemory } from "./gpuMemory.ts";
import { isWithheld } from "./headlines.ts";
import { limitsJson } from "./limits.ts";
import { cachedTokensJson, proofJson, sharedCachedTokensJson } from "./proofJson.ts";
import { byChancePhrase, ungatedPhrase } from "./sentences.ts";
import { telemetryJson } from "./telemetryJson.ts";
import { isVirtual } from "./virtual.ts";

/** Every figure, for programs: units in the names, keys always in the same order. What is missing is absent, never null or zero. */
export const json: Report = {
  kind: "json",
  extension: "json",
  write: async (result) => new TextEncoder().encode(`${JSON.stringify(figuresJson(result), undefined, 2)}\n`),
};

// JSON.stringify leaves out undefined, which is what "absent" rests on.
function figuresJson(result: TestResult): unknown {
  const { description, manifest, experiments, complete, stillRunning, ttftAnchor, verdicts } = result;
  const figures = figuresOf(result);
  return {
    schema: 1,
    test: description.test,
    organisation: description.organisation,
    simulated: description.simulated,
    complete,
    still_running: stillRunning,
    started_at: isVirtual(description) || manifest.startedAt === "unknown" ? undefined : manifest.startedAt,
    ttft_counted_from: ttftAnchor,
    baseline: description.baseline,
    fail_on: manifest.failOn,
    not_gated: ungatedPhrase(result, figures),
    by_chance: byChancePhrase(figures),
    validity: figures.validity,
    engines: description.engines,
    alike: description.alike,
    proof: proofJson(result),
    experiments: experiments.map((experiment, index) => experimentJson(experiment, figures.experiments[index], result)),
    verdicts: verdicts.map((verdict) => verdictJson(verdict, isWithheld(verdict, figures))),
  };
}

function experimentJson(
  experiment: ExperimentResult,
  figures: ExperimentFigures | undefined,
  { description: { engines }, gapsUnknown: isOfCsv = false }: TestResult,
): unknown {
  const { index, description, neverDue } = experiment;
  return {
    experiment: index,
    title: description.title,
    workload: description.workload,
    arrivals: description.arrivals,
    prompts: description.prompts,
    order: description.order,
    repeats: description.repeats,
    seed: description.seed,
    // A CSV does not tell.
    cache_state: isOfCsv ? undefined : (description.cacheState ?? "asItIs"),
    deadlines: deadlinesJson(description),
    limits: description.limits,
    limits_in_force: limitsJson(description),
    slo: sloJson(description),
    never_due: neverDue,
    gpu_memory_peak_mib: peakGpuMemory(experiment),
    telemetry: telemetryJson(experiment, engines),
    harness_error: harnessErrorJson(experiment.readings),
    receive_stamps: receiveStamps(experiment),
    engines: figures?.summaries.map(engineJson),
    cache: cacheJson(figures?.cacheAnswers ?? []),
    cached_tokens: figures === undefined ? undefined : cachedTokensJson(figures.cacheTokens),
    shared_cached_tokens: figures === undefined ? undefined : sharedCachedTokensJson(figures.sharedCacheTokens),
    comparisons: figures?.comparisons.map((comparison) => comparisonJson(comparison, figures.validity.state === "INVALID")),
    validity: figures?.validity,
  };
}

function cacheJson(answers: readonly CacheAnswer[]): unknown {
  const found = answers.map(
    ({ engine, cold, coldRequests, warm, warmRequests, gain, costOfStoring, costUndecided, costUnknown, coldWaves, withheld }) => ({
      engine,
      ttft_cold_seconds: cold,
      cold_requests: coldRequests,
      cold_waves: coldWaves,
      ttft_warm_seconds: warm,
      warm_requests: warmRequests,
      gain_ratio: gain,
      cost_of_storing_share: costOfStoring,
      cost_of_storing_interval: costUndecided,
      cost_of_storing_unknown: costUnknown,
      withheld,
    }),
  );
  return found.length === 0 ? undefined : found;
}

/** Those that there are not are absent. */
function deadlinesJson({ deadlines }: ExperimentDescription): unknown {
  if (deadlines === undefined) return undefined;
  return {
    connect_seconds: deadlines.connect,
    first_token_seconds: deadlines.firstToken,
    idle_seconds: deadlines.idle,
    request_seconds: deadlines.request,
    send_seconds: deadlines.send,
    experiment_seconds: deadlines.experiment,
  };
}

function sloJson({ slo }: ExperimentDescription): unknown {
  return slo === undefined ? undefined : { ttft_seconds: slo.ttft, tpot_seconds: slo.tpot, e2e_seconds: slo.e2e };
}

function harnessErrorJson(readings: ExperimentResult["readings"]): unknown {
  const sources = { control_stream: "control stream", replay_after: "replay after" } as const;
  const found = Object.entries(sources).flatMap(([name, source]) => {
    const error = rulerErrorOf(readings, source);
    if (error === undefined) return [];
    const sizes = Object.entries(error).map(([what, size]) => [`${what}_seconds`, size] as const);
    return [[name, { ...(source === "replay after" ? replayedJson(readings) : {}), ...Object.fromEntries(sizes) }] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Absent in runs of versions that did not write it down. */
function replayedJson(readings: ExperimentResult["readings"]): Readonly<Record<string, unknown>> {
  const load = replayedLoadOf(readings);
  if (load === undefined) return {};
  const json = ({ streams, tokensPerSecond }: LoadSize) => ({ streams, tokens_per_second: tokensPerSecond });
  return { replayed: json(load.replayed), observed: json(load.observed) };
}

function engineJson({ engine, cold, partial, warm, ...all }: EngineSummary): unknown {
  return { engine, all: summaryJson(all), cold: summaryJson(cold), partial: summaryJson(partial), warm: summaryJson(warm) };
}

function summaryJson(summary: Summary): unknown {
  return {
    requests: summary.requests,
    completed: summary.completed,
    failures: summary.failures,
    cancelled: summary.cancelled,
    failures_by_code: summary.failuresByCode,
    waves: summary.waves,
    ttft_seconds: distributionJson(summary.ttft),
    ttft_from_due_seconds: distributionJson(summary.ttftFromDue),
    time_to_headers_seconds: distributionJson(summary.timeToHeaders),
    e2e_seconds: distributionJson(summary.e2e),
    e2e_from_due_seconds: distributionJson(summary.e2eFromDue),
    itl_seconds: distributionJson(summary.itl),
    tpot_seconds: distributionJson(summary.tpot),
    throughput_tokens_per_second: distributionJson(summary.throughput),
    send_lag_seconds: distributionJson(summary.sendLag),
    prompt_tokens: summary.promptTokens,
    cached_tokens: summary.cachedTokens,
    output_tokens: summary.outputTokens,
    span_seconds: summary.span,
    output_tokens_per_second: summary.outputTokensPerSecond,
    requests_per_second: summary.requestsPerSecond,
    goodput_share: summary.goodput,
  };
}

function distributionJson({ count, mean, meanInterval, min, p50, p90, p99, max }: Distribution): unknown {
  return { count, mean, mean_interval: meanInterval, min, p50, p90, p99, max };
}

/** Withheld, it is not even told: a program that reads no further would take it. */
function verdictJson({ experiment, check, ok, observed, wanted }: Verdict, withheld: boolean): unknown {
  return { experiment, check, ...(withheld ? { withheld } : { ok }), observed, wanted };
}

/** Why there is no verdict on an invalid measurement is among the reasons of its validity. */
function comparisonJson(
  { metric, cache, baseline, other, pairs, waves, independentPairs, effect, interval, margin, verdict, reason, morePairs }: Comparison,
  withheld: boolean,
): unknown {
  return {
    metric,
    cache,
    baseline,
    other,
    pairs,
    waves,
    independent_pairs: independentPairs,
    effect_ratio: effect,
    interval,
    margin_share: margin,
    ...(withheld ? { verdict: "withheld" } : { verdict, reason, more_pairs: morePairs }),
  };
}
