import type { RequestRecord } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { sortedValues } from "./distribution.ts";
import { known } from "./known.ts";
import { sentFirst } from "./latency.ts";
import { once } from "./once.ts";
import { startsOf } from "./startsOf.ts";
import { burst } from "./validityLimits.ts";

export interface Lateness {
  /** Of each request that fell due alone, or with a few others: how late it was sent, ascending. */
  readonly alone: Float64Array;
  /** Of each that fell due with many: by how much later than that many take, ascending. */
  readonly atOnce: Float64Array;
  /** The latest of these. */
  readonly latest?: Late;
}

/** A request that was sent. */
interface Late {
  readonly record: RequestRecord;
  /** The first time. */
  readonly sent: Nanoseconds;
  readonly lag: Seconds;
  /** What those that were sent before it take, of many that fell due in the same instant; 0 of few. */
  readonly expected: Seconds;
  /** That fell due in the same instant. */
  readonly requests: number;
}

/** How late requests were sent. Those that are due in one instant nobody can send in one instant: they are written one after the other. */
export function lateness(experiment: ExperimentResult): Lateness {
  const [alone, atOnce] = [[] as Late[], [] as Late[]];
  for (const one of lates(experiment)) (isOfBurst(one) ? atOnce : alone).push(one);
  const latest = atOnce.reduce<Late | undefined>((most, one) => (most === undefined || excess(one) > excess(most) ? one : most), undefined);
  return known({ alone: sortedValues(alone.map(({ lag }) => lag)), atOnce: sortedValues(atOnce.map(excess)), latest });
}

/** Why requests were sent later than they were due: the harness was busy, they fell due at once, or they had to be sent again. */
export type LagCause = "harness" | "atOnce" | "again";

/** What most of an engine's send lag comes from; undefined where there is none. */
export function lagCause(experiment: ExperimentResult, engine: string): LagCause | undefined {
  const sums: Record<LagCause, Seconds> = { harness: 0, atOnce: 0, again: 0 };
  for (const one of lates(experiment).filter(({ record }) => record.engine === engine)) {
    sums.harness += excess(one);
    sums.atOnce += one.lag - excess(one);
    sums.again += toSeconds((one.record.sent ?? one.sent) - one.sent);
  }
  const [most] = (Object.keys(sums) as LagCause[]).toSorted((one, other) => sums[other] - sums[one]); // its own names
  return most === undefined || sums[most] === 0 ? undefined : most;
}

const lates = once((experiment: ExperimentResult): readonly Late[] => {
  const startOf = startsOf(experiment);
  const inOrder = experiment.records.flatMap((record) => {
    const sent = sentFirst(record);
    return sent === undefined ? [] : [{ record, sent, instant: (startOf(record.engine, record.block) ?? 0) + record.due }];
  });
  inOrder.sort((one, other) => one.instant - other.instant || one.sent - other.sent);
  const found: Late[] = [];
  while (found.length < inOrder.length) addInstant(found, inOrder);
  return found;
});

/** Those of the next instant, in the order in which they were sent. By index: as a rule each of a million requests has an instant of its own. */
function addInstant(found: Late[], inOrder: readonly (Pick<Late, "record" | "sent"> & { readonly instant: Nanoseconds })[]): void {
  const first = found.length;
  let end = first + 1;
  while (end < inOrder.length && inOrder[end]?.instant === inOrder[first]?.instant) end++;
  const requests = end - first;
  let expected = 0;
  for (const { record, sent } of inOrder.slice(first, end)) {
    found.push({ record, sent, lag: toSeconds(sent - record.due), expected, requests });
    if (requests >= burst.fewest) expected += burst.perRequest + burst.perToken * (record.contextTokens + record.questionTokens);
  }
}

function isOfBurst({ requests }: Late): boolean {
  return requests >= burst.fewest;
}

function excess({ lag, expected }: Late): Seconds {
  return Math.max(0, lag - expected);
}
