import { realClock } from "../host/realClock.ts";
import { processTerminal } from "../host/terminal.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { nameOfTail, tailOfError, type ErrorSize } from "../measure/rulerError.ts";
import type { StampSource } from "../model/exchange.ts";
import { grouped } from "../model/grouped.ts";
import type { Terminal } from "../model/host.ts";
import { count, duration } from "../reports/numbers.ts";
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
  const wanted = call.options["stamps"] as StampSource | undefined; // as its parser returned it
  await using crew = LoadCrew.start((call.options["workers"] as number | undefined) ?? 1, clock, { stamps: wanted });
  const streams = (call.options["streams"] as number | undefined) ?? defaultStreams;
  const gap = 1 / ((call.options["tokensPerSecond"] as number | undefined) ?? 50);
  const rate = call.options["rate"] as number | undefined;
  const promptTokens = (call.options["context"] as number | undefined) ?? defaultContext;
  const load = (count: number) => loadOf({ streams: count, perSecond: rate, gap, promptTokens });
  await using calibrator = await Calibrator.start({ crew, clock, place, stop: interrupted.stop });
  const at = async (count: number) => {
    if (!interrupted.stop.aborted) terminal.tell(`measuring at ${grouped(count)} streams, about ${Math.ceil(lengthOf(load(count)))} s`);
    return calibrator.at(load(count));
  };

  const asked = await at(streams);
  if (interrupted.stop.aborted) {
    terminal.tell("interrupted: nothing was measured to its end");
    return 130;
  }
  const highest = await highestWithin(streams, asked, at, interrupted.stop);
  const isWhole = !interrupted.stop.aborted;
  if (!isWhole) terminal.tell("interrupted: how many streams are stamped well was not found out");
  told(call, { streams, rate, gap, stamps: await crew.ready(), ...(isWhole ? { highest } : {}) }, asked, terminal);
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

function told(call: Call, found: Calibrated, played: Played, terminal: Terminal): void {
  const { streams, rate, gap, stamps, highest } = found;
  if (call.options["json"] === true) {
    terminal.print(
      JSON.stringify({
        schema: 1,
        streams,
        requests_per_second: rate,
        tokens_per_second: 1 / gap,
        receive_stamps: stamps,
        replies_asked: played.asked,
        replies_whole: played.whole,
        tokens_per_second_kept: played.stretch === undefined ? undefined : 1 / (gap * played.stretch),
        error_seconds: played.error,
        highest_streams_within_1_ms: highest?.streams,
        highest_limited_by: highest?.limitedBy,
      }),
    );
  } else {
    for (const line of linesOf(found, played)) terminal.print(line);
  }
}

interface Highest {
  /** Missing when not even one stream is within 1 ms. */
  readonly streams: number | undefined;
  /** Of its tokens' stamps, or of those of the single stream that is not. */
  readonly error: ErrorSize | undefined;
  /** What more could not be tried for; missing where more streams are stamped worse, or were not tried. */
  readonly limitedBy?: Shortfall;
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
  while (!stop.aborted && good < mostStreams && (bad === Infinity || bad > Math.max(good * 1.3, good + 1))) {
    const next = bad === Infinity ? Math.min(mostStreams, good * 2) : Math.floor((good + bad) / 2);
    if (next < 1) break;
    const found = await at(next);
    if (isGood(found)) good = next;
    else [bad, worst] = [next, found];
    if (isGood(found) || good === 0) error = found.error.stamp;
  }
  const limitedBy = bad === Infinity || !isStampedWell(worst) ? undefined : shortfallOf(worst);
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

interface Calibrated {
  readonly streams: number;
  readonly rate: number | undefined;
  readonly gap: number;
  readonly stamps: StampSource;
  /** Missing where the search for it was interrupted. */
  readonly highest?: Highest;
}

function linesOf({ streams, rate, gap, stamps, highest }: Calibrated, played: Played): readonly string[] {
  const { error } = played;
  const rows: readonly (readonly [string, ErrorSize | undefined])[] = [
    ["first token", error.ttft],
    ["gap between tokens", error.gap],
    ["token's stamp", error.stamp],
    ["sent late by", error.slip],
  ];
  const atRate = rate === undefined ? "" : `, ${grouped(rate)} requests/s`;
  const title = `error at ${grouped(streams)} streams of ${Math.round(1 / gap)} tokens/s${atRate}`;
  const width = Math.max(40, title.length + 1);
  return [
    ...(highest === undefined ? [] : [highestLine(highest)]),
    stamps === "kernel" ? "what is received is stamped by the kernel, when it comes in" : "what is received is stamped when it is read",
    ...shortfallLine(played, gap),
    "",
    title.padEnd(width) + ["p50", "p99", "max", "values"].map((head) => head.padStart(10)).join(""),
    ...rows.map(
      ([what, size]) =>
        `  ${what.padEnd(width - 2)}${[size?.p50, size?.p99, size?.max].map((value) => duration(value).padStart(10)).join("")}${count(size?.count).padStart(10)}`,
    ),
  ];
}

/** What is not the load that was asked for is not passed off as it. */
function shortfallLine(played: Played, gap: number): readonly string[] {
  const { asked, whole, stretch = 1 } = played;
  switch (shortfallOf(played)) {
    case "replies":
      return [`not the load that was asked for: ${grouped(whole)} of ${grouped(asked)} replies came to their end (${noMore.replies})`];
    case "pace":
      return [
        `not the load that was asked for: the ground-truth engine beside it kept ${Math.round(1 / (gap * stretch))} of ${Math.round(1 / gap)} tokens/s`,
      ];
    case undefined:
      return [];
  }
}

const noMore: Readonly<Record<Shortfall, string>> = {
  replies: "more files are needed: ulimit -n, or other work closed",
  pace: "more than the ground-truth engine beside it keeps up with here",
};

function highestLine({ streams, error, limitedBy }: Highest): string {
  const within = `within 1 ms${error === undefined ? "" : ` (${nameOfTail(error)})`}`;
  if (streams === undefined) return `this machine stamps the tokens of no stream ${within} now: close other work`;
  const untried = streams >= mostStreams ? ", or more: it was not tried" : limitedBy === undefined ? "" : `, or more: ${noMore[limitedBy]}`;
  return `this machine stamps the tokens of up to about ${grouped(streams)} streams ${within}${untried}`;
}
