import { realClock } from "../host/realClock.ts";
import { processTerminal } from "../host/terminal.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { nameOfTail, tailOfError, type ErrorSize } from "../measure/rulerError.ts";
import type { StampSource } from "../model/exchange.ts";
import { grouped } from "../model/grouped.ts";
import { count, counted, duration } from "../reports/numbers.ts";
import { Calibrator, isAsAsked, type Played } from "../run/calibrate.ts";
import { lanes, spread, sustained, type CalibrationLoad } from "../run/calibrationLoad.ts";
import { LoadCrew } from "../run/loadCrew.ts";
import { defaultContext, defaultStreams } from "./contradictions.ts";
import type { Call } from "./flags.ts";
import { interruption } from "./interruption.ts";

/** Stamps are good while nearly all of them are within this. */
const wanted = 0.001;
const mostStreams = 4_096;
const lasts = 4;
const first = 0.05;
/** Of each reply. */
const tokens = 20;

/** `tandem calibrate`: our own error at a load, and the highest load this machine measures within 1 ms. */
export async function calibrate(call: Call): Promise<number> {
  const terminal = processTerminal();
  const clock = realClock();
  const place = thisMachine();
  using interrupted = interruption(() => {});
  const source = call.options["stamps"] as StampSource | undefined; // as its parser returned it
  await using crew = LoadCrew.start((call.options["workers"] as number | undefined) ?? 1, clock, { stamps: source });
  const streams = (call.options["streams"] as number | undefined) ?? defaultStreams;
  const tokensPerSecond = (call.options["tokensPerSecond"] as number | undefined) ?? 50;
  const rate = call.options["rate"] as number | undefined;
  const promptTokens = (call.options["context"] as number | undefined) ?? defaultContext;
  const load = (count: number) => loadOf({ streams: count, perSecond: rate, gap: 1 / tokensPerSecond, promptTokens });
  await using calibrator = await Calibrator.start({ crew, clock, place, stop: interrupted.stop });
  const at = async (count: number) => {
    if (!interrupted.stop.aborted) terminal.tell(`measuring at ${counted(count, "stream")}, about ${Math.ceil(lengthOf(load(count)))} s`);
    return calibrator.at(load(count));
  };

  const played = await at(streams);
  if (interrupted.stop.aborted) {
    terminal.tell("interrupted: nothing was measured to its end");
    return 130;
  }
  const highest = await highestWithin(streams, played, at, interrupted.stop);
  const isWhole = !interrupted.stop.aborted;
  if (!isWhole) terminal.tell("interrupted: how many streams are stamped well was not found out");
  const found = { streams, rate, tokensPerSecond, stamps: await crew.ready(), played, ...(isWhole ? { highest } : {}) };
  for (const line of call.options["json"] === true ? [jsonOf(found)] : linesOf(found)) terminal.print(line);
  return isWhole ? 0 : 130;
}

/** About: to the last token that the timetable has. */
function lengthOf({ phase, timetable }: CalibrationLoad): number {
  const chained = phase.reduce(
    ({ most, now }, { due, request }) => {
      const end = (due ?? now) + timetable.first + request.maxOutputTokens * timetable.gap;
      return { most: Math.max(most, end), now: end };
    },
    { most: 0, now: 0 },
  );
  return chained.most;
}

interface Asked {
  readonly streams: number;
  readonly perSecond: number | undefined;
  readonly gap: number;
  readonly promptTokens: number;
}

/** Without a rate each stream has one reply after the other. */
function loadOf({ streams, perSecond, gap, promptTokens }: Asked): CalibrationLoad {
  if (perSecond !== undefined) return sustained({ streams, perSecond, gap, promptTokens, lasts });
  const replies = Math.max(1, Math.round(lasts / (first + gap * tokens)));
  return { timetable: { first, gap }, phase: lanes({ starts: spread(streams, 1), replies, tokens, promptTokens }) };
}

export interface Calibrated {
  readonly streams: number;
  readonly rate: number | undefined;
  readonly tokensPerSecond: number;
  readonly stamps: StampSource;
  readonly played: Played;
  /** Missing where the search for it was interrupted. */
  readonly highest?: Highest;
}

export function jsonOf({ streams, rate, tokensPerSecond, stamps, played, highest }: Calibrated): string {
  return JSON.stringify({
    schema: 1,
    streams,
    requests_per_second: rate,
    tokens_per_second: tokensPerSecond,
    receive_stamps: stamps,
    replies_asked: played.asked,
    replies_whole: played.whole,
    tokens_per_second_kept: played.stretch === undefined ? undefined : tokensPerSecond / played.stretch,
    error_seconds: played.error,
    highest_streams_within_1_ms: highest?.streams,
    highest_limited_by: highest?.limitedBy,
  });
}

interface Highest {
  /** Missing when not even one stream is within 1 ms. */
  readonly streams: number | undefined;
  /** Of its tokens' stamps, or of those of the single stream that is not. */
  readonly error: ErrorSize | undefined;
  /** Why it is not known whether more are; missing where more streams are stamped worse. */
  readonly limitedBy?: Shortfall | "untried";
}

/** Replies that did not come to their end, or a ground-truth engine that did not keep its pace. */
type Shortfall = "replies" | "pace";

/** Doubles while it is good, halves while it is not; then between, until it is known to within a third. */
export async function highestWithin(
  from: number,
  first: Played,
  at: (streams: number) => Promise<Played>,
  stop: AbortSignal,
): Promise<Highest> {
  let [good, bad] = isGood(first) ? [from, Infinity] : [0, from];
  let error = first.error.stamp;
  let worst = first;
  const isKnown = () => (bad === Infinity ? good >= mostStreams : bad <= Math.max(good * 1.3, good + 1));
  while (!stop.aborted && !isKnown()) {
    const next = bad === Infinity ? Math.min(mostStreams, good * 2) : Math.floor((good + bad) / 2);
    const found = await at(next);
    if (isGood(found)) good = next;
    else [bad, worst] = [next, found];
    if (isGood(found) || good === 0) error = found.error.stamp;
  }
  const limitedBy = bad === Infinity ? "untried" : isStampedWell(worst) ? shortfallOf(worst) : undefined;
  return { streams: good === 0 ? undefined : good, error, ...(limitedBy === undefined ? {} : { limitedBy }) };
}

function isGood(played: Played): boolean {
  return isStampedWell(played) && isAsAsked(played);
}

function isStampedWell({ error: { stamp } }: Played): boolean {
  return stamp !== undefined && tailOfError(stamp) <= wanted;
}

function shortfallOf(played: Played): Shortfall | undefined {
  if (isAsAsked(played)) return undefined;
  return played.whole < played.asked ? "replies" : "pace";
}

export function linesOf({ streams, rate, tokensPerSecond, stamps, played, highest }: Calibrated): readonly string[] {
  const { error } = played;
  const rows: readonly (readonly [string, ErrorSize | undefined])[] = [
    ["first token", error.ttft],
    ["gap between tokens", error.gap],
    ["token's stamp", error.stamp],
    ["sent late by", error.slip],
  ];
  const atRate = rate === undefined ? "" : `, ${grouped(rate)} requests/s`;
  const title = `error at ${counted(streams, "stream")} of ${grouped(tokensPerSecond)} tokens/s${atRate}`;
  const width = Math.max(40, title.length + 1);
  return [
    ...(highest === undefined ? [] : [highestLine(highest)]),
    stamps === "kernel" ? "what is received is stamped by the kernel, when it comes in" : "what is received is stamped when it is read",
    ...shortfallLine(played, tokensPerSecond),
    "",
    title.padEnd(width) + ["p50", "p99", "max", "values"].map((head) => head.padStart(10)).join(""),
    ...rows.map(
      ([what, size]) =>
        `  ${what.padEnd(width - 2)}${[size?.p50, size?.p99, size?.max].map((value) => duration(value).padStart(10)).join("")}${count(size?.count).padStart(10)}`,
    ),
  ];
}

/** What is not the load that was asked for is not passed off as it. */
function shortfallLine(played: Played, tokensPerSecond: number): readonly string[] {
  const { asked, whole, stretch = 1 } = played;
  switch (shortfallOf(played)) {
    case "replies":
      return [`not the load that was asked for: ${grouped(whole)} of ${grouped(asked)} replies came to their end (${noMore.replies})`];
    case "pace":
      return [
        `not the load that was asked for: the ground-truth engine beside it kept ${grouped(Math.round(tokensPerSecond / stretch))} of ${grouped(tokensPerSecond)} tokens/s`,
      ];
    case undefined:
      return [];
  }
}

const noMore: Readonly<Record<Shortfall | "untried", string>> = {
  untried: "it was not tried",
  replies: "more files are needed: ulimit -n, or other work closed",
  pace: "more than the ground-truth engine beside it keeps up with here",
};

function highestLine({ streams, error, limitedBy }: Highest): string {
  const within = `within 1 ms${error === undefined ? "" : ` (${nameOfTail(error)})`}`;
  const why = limitedBy === undefined ? undefined : noMore[limitedBy];
  if (streams === undefined && why !== undefined)
    return `of how many streams this machine stamps the tokens within 1 ms is not known, not even one could be tried: ${why}`;
  if (streams === undefined) return `this machine stamps the tokens of no stream ${within} now: close other work`;
  const more = why === undefined ? "" : `, or more: ${why}`;
  return `this machine stamps the tokens of up to about ${counted(streams, "stream")} ${within}${more}`;
}
