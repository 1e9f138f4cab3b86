import { comparedAnswers, type ComparedAnswers } from "../measure/answers.ts";
import type { CacheTokens, SharedCacheTokens } from "../measure/cacheTokens.ts";
import { differences } from "../measure/proofs.ts";
import type { EngineProof, ProofCheck } from "../model/proof.ts";
import type { TestResult } from "../model/result.ts";

/** What each engine was proven to be, a row for each claim and trait, and where engines are unlike. Undefined where nothing was proven. */
export function proofJson(result: TestResult): unknown {
  const { proofs = [], description } = result;
  if (proofs.length === 0) return undefined;
  return {
    checks: proofs.flatMap(checksJson),
    traits: proofs.flatMap(({ engine, traits }) =>
      traits.map(({ what, asked, found, seen }) => ({ engine, trait: what, asked, found, seen })),
    ),
    answers: comparedAnswers(result).map(answersJson),
    unlike: description.engines.length < 2 ? [] : unlikeJson(result),
  };
}

function checksJson({ engine, experiment, checks }: EngineProof): readonly unknown[] {
  return checks.map((check) => {
    const { what, wanted, found, seen } = check;
    return { engine, before_experiment: experiment, claim: what, asked: wanted, found, seen, verdict: verdictOf(check) };
  });
}

function verdictOf({ ok, partly }: ProofCheck): string {
  if (partly === true) return "in part";
  if (ok === undefined) return "not known";
  return ok ? "proven" : "not so";
}

function answersJson({ engine, baseline, prompts, cachedTokens, departures, isJudged }: ComparedAnswers): unknown {
  return {
    engine,
    baseline,
    prompts,
    cached_tokens: cachedTokens,
    judged: isJudged,
    differing: departures.map(({ prompt, at, of, unit, said, insteadOf }) => ({
      prompt,
      [`from_${unit}`]: at,
      of,
      said,
      instead_of: insteadOf,
    })),
  };
}

function unlikeJson(result: TestResult): readonly unknown[] {
  return differences(result).map(({ what, found, wasAsked }) => ({
    trait: what,
    found: found.map(({ engine, value }) => ({ engine, value })),
    asked_for: wasAsked,
  }));
}

/** Prompt tokens that came out of a cache: what the workload makes possible, what replies told, what counters grew by. */
export function cachedTokensJson(tokens: readonly CacheTokens[]): readonly unknown[] {
  return tokens.map(({ engine, promptTokens, expected, observed, own, external, memoryTier, lowerTier }) => ({
    engine,
    prompt_tokens: promptTokens,
    expected_tokens: expected,
    told_tokens: observed,
    counted_own_tokens: own,
    counted_beside_tokens: external,
    counted_memory_tier_tokens: memoryTier,
    counted_lower_tier_tokens: lowerTier,
  }));
}

/** By the tier that had them, of caches that several engines share: of which of them is not counted. */
export function sharedCachedTokensJson(tokens: readonly SharedCacheTokens[]): readonly unknown[] | undefined {
  if (tokens.length === 0) return undefined;
  return tokens.map(({ cache, engines, memoryTier, lowerTier }) => ({
    cache,
    engines,
    counted_memory_tier_tokens: memoryTier,
    counted_lower_tier_tokens: lowerTier,
  }));
}
