import { largestOf, smallestOf } from "../model/extremes.ts";
import type { RequestRecord } from "../model/record.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { nearestRank, sortedValues } from "./distribution.ts";
import { e2e, ttft } from "./latency.ts";
import { studentT } from "./studentT.ts";
import { sum } from "./sums.ts";
import { isCompleted } from "./summary.ts";

/** How far an engine fell behind requests that came whether it had answered or not. */
export interface QueueGrowth {
  /** Requests per second that fell due, and those that were answered, until the last of them was. */
  readonly offered: number;
  readonly served: number;
  /** How far it fell behind with each: what a request takes longer than the one before it, on average. */
  readonly longer: Seconds;
  /** The same as a share of the time between two requests: the lower end of a 95 % interval. */
  readonly share: number;
  /** How much too slow it is for certain: by its waits, and by what it served. One that becomes slower without a queue is neither. */
  readonly behind: number;
  /** First tokens came after most had been sent, and each after about as long: a queue, or what one takes there. Nobody can tell. */
  readonly mayBeConstant: boolean;
}

/** Below so many there is no telling a queue from a busy moment. */
const fewestSteps = 9;

/**
 * By the drift of what requests of one kind take, TTFT or E2E, whichever shows it more clearly. A request waits for the one before it, for its
 * service, less the time between the two: W' = max(0, W + S − T) (D. V. Lindley, The theory of queues with a single server, Proc. Cambridge
 * Philos. Soc. 48, 1952). So a queue is a random walk: its drift is E(S − T) where an engine is too slow, and 0 in the long run where it is
 * not, and the drift's error is that of a random walk. A test for trends among independent values (Mann-Kendall) would find one in
 * every busy period. Undefined where nobody fell behind for certain: too few requests, all due at once, or each waiting for an answer.
 */
export function queueGrowth(records: readonly RequestRecord[]): QueueGrowth | undefined {
  const independent = records.filter(({ after }) => after === undefined);
  const blocks = [...Map.groupBy(independent, ({ block }) => block).values()].map(inOrderOfDue);
  const gap = sum(blocks.map(spread)) / sum(blocks.map(({ length }) => length - 1));
  const drifts = [ttft, e2e].map((metric) => driftOf(blocks.flatMap((block) => stepsOf(settled(block, metric)))));
  const [offered, served] = [1 / gap, independent.filter(isCompleted).length / sum(blocks.map(span))];
  const drift = clearest([...drifts, flooded(blocks, gap, served)]);
  if (drift === undefined || !(gap > 0)) return undefined;
  const share = drift.low / gap;
  const { mean: longer, mayBeConstant = false } = drift;
  return { offered, served, longer, share, behind: Math.min(share, offered / served - 1), mayBeConstant };
}

type Metric = (record: RequestRecord) => Seconds | undefined;

/** From one request to the next of its kind. */
interface Step {
  readonly longer: Seconds;
  /** In requests of any kind, answered or not. */
  readonly later: number;
}

interface Answered {
  readonly kind: string;
  readonly place: number;
  readonly took: Seconds;
  readonly sent: Seconds;
}

function answeredOf(block: readonly RequestRecord[], metric: Metric): readonly Answered[] {
  return block.flatMap((record, place) => {
    const took = isCompleted(record) ? metric(record) : undefined;
    return took === undefined || record.sent === undefined ? [] : [{ kind: kindOf(record), place, took, sent: toSeconds(record.sent) }];
  });
}

/** Before the first answer an engine is still filling, and each request finds more company than the one before. */
function settled(block: readonly RequestRecord[], metric: Metric): readonly Answered[] {
  const answered = answeredOf(block, metric);
  const firstAnswer = smallestOf(answered.map(({ sent, took }) => sent + took));
  return answered.filter(({ sent }) => sent > firstAnswer);
}

/**
 * Sent in a few seconds and answered over many, requests show a queue whatever their order: first tokens came at less than half the rate at
 * which they fell due, by the times between the first tenth of them and the last; or half of them waited longer for theirs than all the
 * sending took, and the whole took twice as long as it was to. Company alone, in an engine that is still filling, does neither, nor do replies
 * that never came. An engine that answers in batches, whose waits go up and down, is found by the one, and one that did not get to work for a
 * while by the other: that one may as well be what a first token takes there, where waits are alike.
 */
function flooded(blocks: readonly (readonly RequestRecord[])[], gap: Seconds, served: number): Drift | undefined {
  const floods = blocks
    .map((block) => ({ sending: gap * block.length, answered: answeredOf(block, ttft) }))
    .filter(({ answered }) => answered.length > fewestSteps);
  const spreads = floods.map(
    ({ answered }) => middle(answered.map(({ sent, took }) => sent + took)) - middle(answered.map(({ sent }) => sent)),
  );
  const requests = sum(floods.map(({ answered }) => answered.length * middleShare));
  const apart = sum(spreads) / requests;
  if (apart > gap) return { mean: apart, low: apart };
  const late = 1 / served - gap;
  const isLate = floods.length > 0 && floods.every(({ sending, answered }) => median(answered.map(({ took }) => took)) > sending);
  return isLate && late > gap ? { mean: late, low: late, mayBeConstant: floods.every(hasWaitsAlike) } : undefined;
}

interface Flood {
  /** What sending all of them took, also those that were not answered. */
  readonly sending: Seconds;
  readonly answered: readonly Answered[];
}

/** In a queue that all of them waited in, the last wait much longer than the first. */
function hasWaitsAlike({ answered }: Flood): boolean {
  return middle(answered.map(({ took }) => took)) <= middle(answered.map(({ sent }) => sent)) / 2;
}

function median(times: readonly Seconds[]): Seconds {
  return nearestRank(sortedValues(times), 0.5) ?? 0;
}

const middleShare = 0.8;

/** From the first tenth to the last. */
function middle(times: readonly Seconds[]): Seconds {
  const sorted = sortedValues(times);
  return (nearestRank(sorted, 0.9) ?? 0) - (nearestRank(sorted, 0.1) ?? 0);
}

function stepsOf(answered: readonly Answered[]): readonly Step[] {
  return [...Map.groupBy(answered, ({ kind }) => kind).values()].flatMap((alike) =>
    alike.slice(1).map((one, index) => {
      const before = alike[index] ?? one;
      return { longer: one.took - before.took, later: one.place - before.place };
    }),
  );
}

/** The same work, about: of one cache state, and of lengths that are the same to the nearest power of two. */
function kindOf({ cache, contextTokens, questionTokens, outputTokens = 0 }: RequestRecord): string {
  const lengths = [contextTokens + questionTokens, outputTokens].map((tokens) => Math.round(Math.log2(tokens)));
  return [cache, ...lengths].join(" ");
}

interface Drift {
  readonly mean: Seconds;
  /** The lower end of its interval. */
  readonly low: Seconds;
  readonly mayBeConstant?: boolean;
}

/** Of a random walk that is seen now and then: a step over k requests has k times the drift and k times the variance of one. */
function driftOf(steps: readonly Step[]): Drift | undefined {
  const t = studentT(steps.length - 1);
  if (t === undefined || steps.length < fewestSteps) return undefined;
  const requests = sum(steps.map(({ later }) => later));
  const mean = sum(steps.map(({ longer }) => longer)) / requests;
  const variance = sum(steps.map(({ longer, later }) => (longer - later * mean) ** 2 / later)) / (steps.length - 1);
  return { mean, low: mean - t * Math.sqrt(variance / requests) };
}

function clearest(drifts: readonly (Drift | undefined)[]): Drift | undefined {
  return drifts.reduce((best, drift) => (drift !== undefined && (best === undefined || drift.low > best.low) ? drift : best), undefined);
}

function inOrderOfDue(records: readonly RequestRecord[]): readonly RequestRecord[] {
  return [...records].sort((one, other) => one.due - other.due);
}

/** From the first due to the last. */
function spread(block: readonly RequestRecord[]): Seconds {
  return toSeconds((block.at(-1)?.due ?? 0) - (block[0]?.due ?? 0));
}

/** From the first sent to the last ended. */
function span(block: readonly RequestRecord[]): Seconds {
  const from = smallestOf(block.map(({ sent = Infinity }) => sent));
  return toSeconds(largestOf(block.map(({ ended = from }) => ended)) - from);
}
