import type { RequestRecord } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { sortedValues } from "./distribution.ts";
import { sendLag } from "./latency.ts";
import { burst } from "./validityLimits.ts";

export interface Lateness {
  /** Of each request that fell due alone, or with a few others: how late it was sent, ascending. */
  readonly alone: Float64Array;
  /** Of each that fell due with many: by how much later than that many take, ascending. */
  readonly atOnce: Float64Array;
  /** The latest of these. */
  readonly latest?: LatestOfBurst;
}

interface LatestOfBurst {
  readonly lag: Seconds;
  /** What so many take. */
  readonly expected: Seconds;
  readonly requests: number;
}

type Sent = RequestRecord & { readonly sent: number };

/** How late requests were sent. Those that are due in one instant nobody can send in one instant: they are written one after the other. */
export function lateness({ records, starts = [] }: ExperimentResult): Lateness {
  const startOf = new Map(starts.map(({ engine, block, at }) => [`${engine} ${block}`, at]));
  const sent = records.filter((record): record is Sent => record.sent !== undefined);
  const instants = Map.groupBy(sent, ({ engine, block, due }) => (startOf.get(`${engine} ${block}`) ?? 0) + due);
  const groups = [...instants.values()];
  const bursts = groups.filter(({ length }) => length >= burst.fewest).map(expectedOf);
  const latest = bursts.flat().reduce<LatestOfBurst | undefined>((most, one) => (excess(one) > excess(most) ? one : most), undefined);
  return {
    alone: sortedValues(groups.filter(({ length }) => length < burst.fewest).flatMap((few) => few.map(sendLag))),
    atOnce: sortedValues(bursts.flatMap((many) => many.map(excess))),
    ...(latest === undefined ? {} : { latest }),
  };
}

/** In the order in which they were sent: what those before each of them take. */
function expectedOf(group: readonly Sent[]): readonly LatestOfBurst[] {
  const inOrder = group.toSorted((one, other) => one.sent - other.sent);
  let expected = 0;
  return inOrder.map((record) => {
    const before = expected;
    expected += burst.perRequest + burst.perToken * (record.contextTokens + record.questionTokens);
    return { lag: toSeconds(record.sent - record.due), expected: before, requests: group.length };
  });
}

function excess(one: LatestOfBurst | undefined): Seconds {
  return one === undefined ? -Infinity : Math.max(0, one.lag - one.expected);
}
