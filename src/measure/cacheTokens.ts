import type { CacheReuse } from "../model/proof.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult, ServiceDescription } from "../model/result.ts";
import { known } from "./known.ts";
import { ofEngine } from "./ofEngine.ts";
import { sum, sumOf } from "./sums.ts";
import { isCompleted } from "./summary.ts";
import { toldCached } from "./toldCached.ts";
import { tooEarly } from "./tooEarly.ts";
import { tokensAdded, tokensOfTemplate } from "./tokensAdded.ts";

/** Prompt tokens of one engine in one experiment that came out of a cache. */
export interface CacheTokens {
  readonly engine: string;
  /**
   * Of requests whose prompts are known to the token and whose replies tell what was cached, or leave out that nothing was; where none tells,
   * of all of the former, and where no prompt is known, of all of the latter.
   */
  readonly promptTokens?: number;
  /** From the workload's own prefixes, and the pieces in which this engine finds them again. */
  readonly expected?: number;
  /** From the replies' usage. */
  readonly observed?: number;
  /** The same of all requests, where every one of them was completed and tells it: what the counters must have grown by. */
  readonly toldOfAll?: number;
  /** No more than so many can be found of what these requests have in common, as the engine counts tokens; missing where it does not tell how long prompts are. */
  readonly possible?: number;
  /** It is to keep nothing. */
  readonly keepsNothing?: true;
  /** From the engine's own counters, of everything it did meanwhile. */
  readonly own?: number;
  readonly external?: number;
  /** Both together, where no prompts that emptied or filled its caches between blocks are among them. */
  readonly counted?: number;
  /** Its counters may have counted a request again each time it was looked at while it waited, as vLLM's do before it counts tokens by source. */
  readonly mayCountAgain?: true;
  /** Requests were seen to wait in it. */
  readonly hadWaiting?: true;
  /** Why its requests could not find all of that, as a phrase: they came too early. */
  readonly tooEarly?: string;
  /** By the tier that had them, its memory or whatever lies below: counted by the cache beside it, or all of `external` where it has a single one. */
  readonly memoryTier?: number;
  readonly lowerTier?: number;
}

/** The part of a prompt that an engine finds again, if whoever sent it first has been answered and stored; undefined where that cannot be known. */
export function expectedCachedTokens(
  {
    contextTokens,
    questionTokens,
    reusableTokens,
    promptTokens,
  }: Pick<RequestRecord, "contextTokens" | "questionTokens" | "reusableTokens" | "promptTokens">,
  reuse: CacheReuse,
): number | undefined {
  // With a chat template or another tokenizer, our prefixes are not the engine's.
  if (promptTokens === undefined || promptTokens !== contextTokens + questionTokens) return undefined;
  // Whoever finds everything still computes the last token, to have something to go on from.
  const most = promptTokens - 1;
  const own = reuse.own ? wholePieces(Math.min(reusableTokens, most), reuse.ownPiece) : 0;
  const external = reuse.external ? wholePieces(reusableTokens, reuse.externalPiece) : 0;
  return own === undefined || external === undefined ? undefined : Math.min(Math.max(own, external), most);
}

function wholePieces(tokens: number, piece: number | undefined): number | undefined {
  return piece === undefined ? undefined : Math.floor(tokens / piece) * piece;
}

export function cacheTokens(engine: string, { records, readings }: ExperimentResult, reuse: CacheReuse | undefined): CacheTokens {
  const all = ofEngine(records, engine);
  const completed = all.filter(isCompleted);
  const told = completed.flatMap(({ cachedTokens }) => cachedTokens ?? []);
  const tells = told.length > 0 || reuse?.toldHits === true;
  const telling = tells ? completed.filter((record) => toldCached(record) !== undefined) : completed;
  const foreseen = telling.flatMap((record) => {
    const expected = reuse === undefined ? undefined : expectedCachedTokens(record, reuse);
    return expected === undefined ? [] : [{ expected, observed: toldCached(record) ?? 0, prompt: record.promptTokens ?? 0 }];
  });
  const growth = growthOf(engine, readings);
  const [own, external] = [growth("prefix-hit-tokens-total"), growth("external-hit-tokens-total")];
  const inOnly = (tier: CacheReuse["onlyTier"]) => (reuse?.onlyTier === tier ? external : undefined);
  const observed = !tells || foreseen.length === 0 ? told : foreseen.map(({ observed }) => observed);
  const unforeseen = told.length > 0 ? telling.flatMap(({ promptTokens }) => promptTokens ?? []) : [];
  const prompts = foreseen.length === 0 ? unforeseen : foreseen.map(({ prompt }) => prompt);
  const isOneBlock = new Set(completed.map(({ block }) => block)).size === 1;
  const counted = isOneBlock && (own !== undefined || external !== undefined) ? (own ?? 0) + (external ?? 0) : undefined;
  return known({
    engine,
    promptTokens: sumOfAny(prompts),
    expected: sumOfAny(foreseen.map(({ expected }) => expected)),
    observed: sumOfAny(observed),
    toldOfAll: told.length === all.length ? sumOfAny(told) : undefined,
    possible: possibleOf(completed),
    keepsNothing: reuse !== undefined && !reuse.own && !reuse.external ? (true as const) : undefined,
    own,
    external,
    counted,
    // Whoever counts what it has computed counts each token once.
    mayCountAgain: counted === undefined || growth("computed-prompt-tokens-total") !== undefined ? undefined : (true as const),
    hadWaiting: hadWaiting(engine, readings) ? (true as const) : undefined,
    tooEarly: tooEarly(all),
    memoryTier: growth("external-memory-hit-tokens-total") ?? inOnly("memory"),
    lowerTier: growth("external-lower-hit-tokens-total") ?? inOnly("lower"),
  });
}

function sumOfAny(tokens: readonly number[]): number | undefined {
  return tokens.length === 0 ? undefined : sum(tokens);
}

/** An engine's tokenizer may make more tokens of our words, and a template adds some to each prompt. */
function possibleOf(completed: readonly RequestRecord[]): number | undefined {
  if (completed.length === 0 || completed.some(({ promptTokens }) => promptTokens === undefined)) return undefined;
  const asked = sumOf(completed, ({ contextTokens, questionTokens }) => contextTokens + questionTokens);
  const larger = Math.max(1, sumOf(completed, ({ promptTokens = 0 }) => promptTokens) / asked);
  const added = sumOf(completed, (record) => Math.max(tokensOfTemplate, tokensAdded(record)));
  return larger * sumOf(completed, ({ reusableTokens }) => reusableTokens) + added;
}

/** Prompt tokens that a cache had which several engines share: what it counts is of all of them together. */
export interface SharedCacheTokens {
  /** The service's name. */
  readonly cache: string;
  readonly engines: readonly string[];
  readonly memoryTier?: number;
  readonly lowerTier?: number;
}

/** Of each cache that engines share, where it counts. */
export function sharedCacheTokens(
  { readings }: Pick<ExperimentResult, "readings">,
  services: readonly Pick<ServiceDescription, "name" | "engines">[],
): readonly SharedCacheTokens[] {
  return services.flatMap(({ name, engines }) => {
    const growth = growthOf(name, readings);
    const [memoryTier, lowerTier] = [growth("external-memory-hit-tokens-total"), growth("external-lower-hit-tokens-total")];
    if (engines.length < 2 || (memoryTier === undefined && lowerTier === undefined)) return [];
    return known({ cache: name, engines, memoryTier, lowerTier });
  });
}

function growthOf(of: string, readings: readonly Reading[]): (series: string) => number | undefined {
  return (series) => grownBy(readings.filter((reading) => reading.of === of && reading.series === series));
}

function hadWaiting(engine: string, readings: readonly Reading[]): boolean {
  return readings.some(({ of, series, value }) => of === engine && series === "waiting-requests" && value > 0);
}

/** A counter that was read once tells nothing, and one that went back was started anew: then nobody knows. Engines in turn have several stretches, each with its own edges. */
function grownBy(readings: readonly { readonly value: number }[]): number | undefined {
  const [first, ...later] = readings;
  const last = later.at(-1);
  return first === undefined || last === undefined || last.value < first.value ? undefined : last.value - first.value;
}
