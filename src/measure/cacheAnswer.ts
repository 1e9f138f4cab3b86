import type { EngineSummary } from "../model/figures.ts";
import type { Seconds } from "../model/time.ts";
import { known } from "./known.ts";
import { ratio } from "./verdicts.ts";

/** The numbers a cache user asks for, of one engine in one experiment: medians of TTFT. Missing where there is no such request. */
export interface CacheAnswer {
  readonly engine: string;
  readonly cold?: Seconds;
  readonly warm?: Seconds;
  /** Cold over warm of the same engine: 4 is four times as fast. */
  readonly gain?: number;
  /** The baseline's warm over this engine's: above 1 is better. Missing for the baseline itself, as is the next. */
  readonly warmEffect?: number;
  /** How much longer a cold request takes than the baseline's cold one, as a share: 0.12 is 12 %. */
  readonly costOfStoring?: number;
}

export function cacheAnswers(summaries: readonly EngineSummary[], baseline: string | undefined): readonly CacheAnswer[] {
  const plain = summaries.find(({ engine }) => engine === baseline);
  return summaries.map((summary) => answerOf(summary, summary === plain ? undefined : plain));
}

function answerOf(own: EngineSummary, plain: EngineSummary | undefined): CacheAnswer {
  const [cold, warm] = [own.cold.ttft.p50, own.warm.ttft.p50];
  const coldAgainstPlain = ratio(cold, plain?.cold.ttft.p50);
  return known({
    engine: own.engine,
    cold,
    warm,
    gain: ratio(cold, warm),
    warmEffect: ratio(plain?.warm.ttft.p50, warm),
    costOfStoring: coldAgainstPlain === undefined ? undefined : coldAgainstPlain - 1,
  });
}
