import type { ObservedLoad } from "../measure/observedLoad.ts";
import type { Seconds } from "../model/time.ts";
import { lanes, pause, spread, type CalibrationLoad } from "./calibrationLoad.ts";
import type { Timetable } from "./groundTruth.ts";

/** An observed load as it is played again: as like it as some seconds allow. */
export interface Replay extends Timetable {
  readonly streams: number;
  /** One after the other on each stream. */
  readonly replies: number;
  /** Of each reply. */
  readonly tokens: number;
  readonly promptTokens: number;
  /** Streams that begin together, at its start. */
  readonly atOnce: number;
  /** The others begin within this. */
  readonly ramp: Seconds;
}

/** About how long the streams go on once they have begun: longer where there are few, for their values. */
const goOn = { few: 2.5, many: 1.5 } as const;
/** However slowly they were begun. */
const longestRamp: Seconds = 0.5;
/** Values that carry a p99, and some more for streams that are cut off. */
const enough = 700;
/** Fewer have not as many first tokens in that time, each with another token after it. */
const fewestStreams = 8;
/** With more streams or requests, the ground-truth engine beside us would be what is measured. */
const mostStreams = 2_000;
const mostRequests = 10_000;
/** Of its requests together, beyond one for each stream: 50 MB. */
const mostPromptTokens = 10_000_000;

/**
 * As many streams, as many tokens a second of them all, prompts as long, started alike. So that first tokens are enough for a p99, replies are
 * shorter than they were: in the same proportion, so that as many tokens are on their way as before. Where that leaves too few tokens, they
 * come faster; where streams are too few, there are more.
 */
export function replayOf(observed: ObservedLoad): Replay {
  const { promptTokens } = observed;
  const streams = Math.min(mostStreams, Math.max(fewestStreams, observed.streams));
  const lasts = streams < enough ? goOn.few : goOn.many;
  const replies = repliesIn(lasts, streams, observed);
  const length = lasts / replies;
  const tokens = tokensOf(streams * replies, length, observed);
  const first = firstOf(tokens, length, observed);
  const gap = tokens === 1 ? 0 : Math.min(observed.gap, (length - pause - first) / (tokens - 1));
  const atOnce = Math.min(streams, observed.atOnce);
  return {
    streams,
    replies,
    tokens,
    first,
    gap,
    promptTokens,
    atOnce,
    ramp: Math.min(longestRamp, (streams - atOnce) / observed.perSecond),
  };
}

/** As many as were observed in that time, and as it takes. */
function repliesIn(lasts: Seconds, streams: number, observed: ObservedLoad): number {
  const most = Math.floor(Math.min(mostRequests, mostPromptTokens / observed.promptTokens) / streams);
  return Math.max(1, Math.min(most, Math.max(Math.ceil(enough / streams), Math.round(lasts / lengthOf(observed)))));
}

function tokensOf(requests: number, length: Seconds, observed: ObservedLoad): number {
  if (observed.tokens === 1) return 1;
  const share = Math.min(1, length / lengthOf(observed));
  return Math.max(2, Math.round(observed.tokens * share), Math.ceil(enough / requests));
}

/** Its share of a shorter reply, or what the gaps leave; long enough for all that begin at once to be sent before it. */
function firstOf(tokens: number, length: Seconds, observed: ObservedLoad): Seconds {
  const share = Math.min(1, length / lengthOf(observed)) * observed.first;
  const left = length - pause - (tokens - 1) * observed.gap;
  return Math.min(observed.first, Math.max(Math.min(0.05, length / 5), Math.min(share, left)));
}

function lengthOf({ first, tokens, gap }: ObservedLoad): Seconds {
  return first + (tokens - 1) * gap + pause;
}

/** All of it, with what it takes to begin and to end. */
export function lengthOfReplay({ replies, tokens, first, gap, ramp }: Replay): Seconds {
  return 0.4 + ramp + replies * (first + (tokens - 1) * gap + pause);
}

/** Loads of one kind need not be played twice: they differ by less than a quarter in each of what they are. */
export function kindOf({ streams, tokens, first, gap, promptTokens, atOnce, ramp }: Replay): string {
  return [streams, tokens, first * 1e6, gap * 1e6, promptTokens, atOnce, ramp * 1e6]
    .map((value) => Math.round(Math.log(Math.max(1, value)) / Math.log(1.25)))
    .join();
}

export function replayLoad({ streams, atOnce, ramp, first, gap, ...of }: Replay): CalibrationLoad {
  const later = streams - atOnce;
  const starts = [...spread(atOnce, 0), ...spread(later, ramp).map((start) => start + ramp / later)];
  return { timetable: { first, gap }, phase: lanes({ ...of, starts }) };
}
