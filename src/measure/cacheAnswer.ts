import type { Comparison, EngineSummary, Interval } from "../model/figures.ts";
import { grouped } from "../model/grouped.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { storesMore, type CacheSign } from "./cacheSign.ts";
import { fewestPairs } from "./judgement.ts";
import { sortedValues } from "./distribution.ts";
import type { ForMore } from "./forMore.ts";
import { known } from "./known.ts";
import { ttft } from "./latency.ts";
import { pairOf } from "./pairs.ts";
import { queueGrowth } from "./queueGrowth.ts";
import { isCompleted } from "./summary.ts";
import { tooEarly } from "./tooEarly.ts";
import { limits } from "./validityLimits.ts";
import { wavesOf } from "./waves.ts";
import { ratio } from "./verdicts.ts";

/**
 * The numbers a cache user asks for, of one engine in one experiment: medians of TTFT, of which `cold` and `warm` are each one that was measured.
 * The gain takes the middle of the two middle ones where their number is even, since the lower of the two is biased. Missing where there is no such request. */
export interface CacheAnswer {
  readonly engine: string;
  /** Missing where nothing speaks for a cache: a row to compare with. */
  readonly keeps?: CacheSign;
  readonly cold?: Seconds;
  /** Completed ones, of which `cold` is the median. */
  readonly coldRequests: number;
  readonly warm?: Seconds;
  readonly warmRequests: number;
  /** Cold over warm of the same engine: 4 is four times as fast. */
  readonly gain?: number;
  /**
   * How much longer a cold request takes than the baseline's cold one, as a share: 0.12 is 12 %. Of an engine that stores more than the
   * baseline, where the comparison of their cold requests is sure that there is a difference: its effect, and so within its interval.
   */
  readonly costOfStoring?: number;
  /** Within what the cost lies, as shares, where it is not sure that there is one: it holds 0. */
  readonly costUndecided?: Interval;
  /** Why it is not even known within what the cost lies. */
  readonly costUnknown?: string;
  /** In so many bursts the cold requests came, where that are too few to be told from what those waited for. */
  readonly coldWaves?: number;
  /** Why there is neither a gain nor a cost of storing, although there are cold and warm requests. */
  readonly withheld?: string;
  /** What to do where its requests, or the waves of them, are too few. */
  readonly more: ForMore;
}

/** An engine's requests of an experiment, and where it keeps their prompts. */
export interface CacheUser {
  readonly summary: EngineSummary;
  readonly records: readonly RequestRecord[];
  readonly keeps: CacheSign | undefined;
}

/** What the engines of an experiment are held against: the comparisons with the baseline are those of the experiment. */
interface CacheBaseline {
  readonly engine: string | undefined;
  readonly comparisons: readonly Comparison[];
  readonly more: ForMore;
}

/** Of all engines of an experiment, those without a cache beside those with one; of none where nothing speaks for a cache. */
export function cacheAnswers(users: readonly CacheUser[], { engine, comparisons, more }: CacheBaseline): readonly CacheAnswer[] {
  if (users.every(({ keeps }) => keeps === undefined)) return [];
  const judged = users.map((user) => ({ ...user, more, withheld: whyWithheld(user, more) }));
  const plain = judged.find(({ summary }) => summary.engine === engine);
  return judged.map((user) => answerOf(user, user === plain ? undefined : plain, comparisons));
}

type Judged = CacheUser & { readonly withheld: string | undefined; readonly more: ForMore };

function answerOf(user: Judged, plain: Judged | undefined, comparisons: readonly Comparison[]): CacheAnswer {
  const { summary, records, keeps, withheld, more } = user;
  const [cold, warm] = [summary.cold.ttft, summary.warm.ttft];
  const gain = withheld === undefined ? ratio(middleOf(records, "cold"), middleOf(records, "warm")) : undefined;
  return known({
    engine: summary.engine,
    keeps,
    cold: cold.p50,
    coldRequests: cold.count,
    warm: warm.p50,
    warmRequests: warm.count,
    gain,
    ...costOfStoring(user, plain, comparisons),
    coldWaves: gain === undefined ? undefined : fewColdWaves(records),
    withheld,
    more,
  });
}

/** As a share: less than that is 0 %. */
const nothingMuch = 0.005;

type Cost = Pick<CacheAnswer, "costOfStoring" | "costUndecided" | "costUnknown">;

function costOfStoring(user: Judged, plain: Judged | undefined, comparisons: readonly Comparison[]): Cost {
  if (user.withheld !== undefined || plain === undefined || plain.withheld !== undefined || !storesMore(user.keeps, plain.keeps)) return {};
  const { effect, interval, reason } = comparisons.find((comparison) => isOfCold(comparison, user)) ?? {};
  if (effect === undefined || interval === undefined) return known({ costUnknown: reason });
  const [low, high] = interval;
  const cost: Interval = [1 / high - 1, 1 / low - 1];
  const isSure = low > 1 || high < 1 || Math.max(...cost.map(Math.abs)) < nothingMuch;
  return isSure ? { costOfStoring: 1 / effect - 1 } : { costUndecided: cost };
}

/** "all" are cold ones where there is no other kind. */
function isOfCold({ other, metric, cache }: Comparison, { summary }: Judged): boolean {
  return other === summary.engine && metric === "ttft" && (cache === "cold" || cache === "all");
}

function fewColdWaves(records: readonly RequestRecord[]): number | undefined {
  const waves = wavesOf(records, records);
  const found = new Set(records.filter(({ cache }) => cache === "cold").map((record) => waves.get(pairOf(record)))).size;
  return found < fewest ? found : undefined;
}

function middleOf(records: readonly RequestRecord[], cache: "cold" | "warm"): Seconds | undefined {
  const sorted = sortedValues(records.filter((record) => record.cache === cache && isCompleted(record)).map(ttft));
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return below === undefined || above === undefined ? undefined : (below + above) / 2;
}

/**
 * Of fewer than six values the smallest and the largest are no 95 % interval for the median: of five, both lie on one side of it 1 time in 16.
 */
const fewest = fewestPairs;

function whyWithheld({ summary: { cold, warm }, records }: CacheUser, more: ForMore): string | undefined {
  const counts = { cold: cold.ttft.count, warm: warm.ttft.count };
  if (counts.cold === 0 || counts.warm === 0) return undefined;
  if (counts.cold < fewest || counts.warm < fewest) {
    return `${grouped(counts.cold)} cold and ${grouped(counts.warm)} warm requests are too few, ${fewest} of each are needed: ${more.documents}`;
  }
  if (isSaturated(records)) return "saturated: its waits are those of a queue that grew with the run";
  const early = tooEarly(records);
  return early === undefined ? undefined : `${early}: nothing to find again`;
}

function isSaturated(records: readonly RequestRecord[]): boolean {
  const growth = queueGrowth(records);
  return growth !== undefined && !growth.mayBeConstant && growth.behind > limits.saturation.degraded;
}
