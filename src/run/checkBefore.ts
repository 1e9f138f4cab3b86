import { nameOfTail, tailOfError, type ErrorSize, type RulerError } from "../measure/rulerError.ts";
import { grouped } from "../model/grouped.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import type { AskedLoad } from "./askedLoad.ts";
import { lanes, requests, spread, type CalibrationLoad } from "./calibrationLoad.ts";

/** What is tried before the engines boot: streams that are known to be open at once, or requests that are sent at a rate. */
export interface Check {
  readonly kind: "streams" | "rate";
  readonly asked: number;
  /** At first: more than asked, where so few would not have the values. */
  readonly tried: number;
  readonly load: (count: number) => CalibrationLoad;
}

/** Replies that are short and still have gaps worth the name. */
const timetable = { first: 0.05, gap: 0.02 };
const reply = { tokens: 20, promptTokens: 256 };
/** Values that carry a p99, and some more. */
const enoughTokens = 750;
/** Of three replies each: as many tokens. */
const fewestStreams = 13;
/** Their slip has a p95: one request that went out late is not the machine. */
const fewestPerSecond = 130;
/** Beyond, the ground-truth engine beside us would be what is measured. */
const most = { streams: 2_000, rate: 10_000 } as const;
/** About how long one takes. */
export const checkLasts: Seconds = 1.5;

/** How many streams a rate makes depends on the engines' replies, and is not known: only what is known is tried. */
export function checksOf(asked: AskedLoad): readonly [Check, ...Check[]] {
  if (asked.dues.length === 0) return [streamsCheck(asked.streams)];
  return asked.streams > many ? [rateCheck(asked), streamsCheck(asked.streams)] : [rateCheck(asked)];
}

function streamsCheck(asked: number): Check {
  const load = (count: number) => ({ timetable, phase: lanes({ ...reply, replies: 3, starts: spread(count, 0.2) }) });
  return { kind: "streams", asked, tried: Math.min(most.streams, Math.max(fewestStreams, asked)), load };
}

/** The very moments of its busiest second. */
function rateCheck({ dues, tokens }: AskedLoad): Check {
  const schedule = dues.length < fewestPerSecond ? spread(fewestPerSecond, 1) : dues;
  const load = (count: number) => ({
    timetable,
    phase: requests({
      ...reply,
      dues: thinned(schedule, count),
      tokens: Math.max(Math.min(reply.tokens, tokens), Math.ceil(enoughTokens / count)),
    }),
  });
  return { kind: "rate", asked: dues.length, tried: Math.min(most.rate, schedule.length), load };
}

function thinned(dues: readonly Seconds[], count: number): readonly Seconds[] {
  return Array.from({ length: count }, (_, index) => dues[Math.floor((index * dues.length) / count)] ?? 0);
}

/** As progress tells it. */
export function checking({ kind, tried }: Check, lasts: Seconds): RunEvent {
  return kind === "streams" ? { kind: "calibrating", streams: tried, lasts } : { kind: "calibrating", perSecond: tried, lasts };
}

/** Stamps of that many streams, or sending, are to be within this. */
const bounds = { streams: 0.001, rate: 0.005 } as const;
/** Beyond this error of the stamps, or of sending, we say so however little was asked for. */
const tolerable: Seconds = 0.005;
/** How much can be kept is looked for where more than this is asked for. */
const many = 64;
const fewest = 16;
/** Each takes seconds before anything is measured. */
const mostHalvings = 2;

/** What a person should hear before the engines boot; undefined where all is well. `found` is the error of the first try, `errorAt` tries another count. */
export async function complaint(
  check: Check,
  found: RulerError,
  errorAt: (count: number) => Promise<RulerError>,
  workers: number,
): Promise<string | undefined> {
  const { kind, asked, tried } = check;
  const judged = (error: RulerError) => (kind === "streams" ? error.stamp : error.slip);
  const bound = bounds[kind];
  if (asked > many && (!isWithin(bound, judged(found)) || asked > tried)) {
    const kept = await mostWithin(bound, { count: tried, size: judged(found) }, async (fewer) => judged(await errorAt(fewer)));
    if (!kept.isKept || kept.count < asked) return tooMuch(check, kept, workers);
  }
  const { stamp, slip } = found;
  if (stamp !== undefined && tailOfError(stamp) > tolerable) return off(check, "stamps are off by", stamp);
  if (slip !== undefined && kind === "rate" && tailOfError(slip) > tolerable) return off(check, "requests go out late by", slip);
  return undefined;
}

interface Tried {
  readonly count: number;
  readonly size: ErrorSize | undefined;
}

export interface Kept extends Tried {
  readonly isKept: boolean;
}

/** As many as were tried first, or half, or a quarter: the most whose error is within `bound`, or the fewest whose error is not. */
export async function mostWithin(bound: Seconds, first: Tried, errorAt: (count: number) => Promise<ErrorSize | undefined>): Promise<Kept> {
  let kept: Kept = { ...first, isKept: isWithin(bound, first.size) };
  for (let halved = 0; halved < mostHalvings && !kept.isKept; halved++) {
    const count = Math.max(fewest, Math.floor(kept.count / 2));
    const size = await errorAt(count);
    kept = { count, size, isKept: isWithin(bound, size) };
  }
  return kept;
}

function isWithin(bound: Seconds, size: ErrorSize | undefined): boolean {
  return size !== undefined && tailOfError(size) <= bound;
}

function tooMuch({ kind, asked, tried }: Check, { count, size, isKept }: Kept, workers: number): string {
  const tail = size === undefined ? "" : ` (${nameOfTail(size)})`;
  const [does, doesNot, what, within] =
    kind === "streams" ? ["keeps", "keep", "streams", "within 1 ms"] : ["sends", "send", "requests/s", "within 5 ms of their time"];
  const found = `${isKept ? does : `does not ${doesNot} even`} ${grouped(count)} ${what} ${within}${tail} now`;
  const untried = isKept && count === tried ? ", more were not tried" : "";
  const more = `more --workers (there ${workers === 1 ? "is 1" : `are ${workers}`})`;
  return `this machine ${found}${untried}; asked: ${grouped(asked)}. Close other work, use ${more} where cores are free, or ask for fewer`;
}

function off({ kind, tried }: Check, what: string, size: ErrorSize): string {
  const load = `${grouped(tried)} ${kind === "streams" ? "streams" : "requests/s"}`;
  const by = `${(tailOfError(size) * 1_000).toPrecision(2)} ms (${nameOfTail(size)})`;
  return `at ${load} this machine's ${what} ${by} before anything else runs: close other work, or believe smaller differences less`;
}
