import { realClock } from "../host/realClock.ts";
import { processTerminal } from "../host/terminal.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { tailOfError, type ErrorSize, type RulerError } from "../measure/rulerError.ts";
import type { StampSource } from "../model/exchange.ts";
import type { Terminal } from "../model/host.ts";
import { duration } from "../reports/numbers.ts";
import { Calibrator } from "../run/calibrate.ts";
import { lanes, spread, type CalibrationLoad } from "../run/calibrationLoad.ts";
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
  const replies = Math.max(1, Math.round(lasts / (first + gap * tokens)));
  const rate = call.options["rate"] as number | undefined;
  const promptTokens = (call.options["context"] as number | undefined) ?? defaultContext;
  // With a rate the streams start that fast; without one, within a second.
  const load = (count: number): CalibrationLoad => ({
    timetable: { first, gap },
    phase: lanes({ starts: spread(count, rate === undefined ? 1 : count / rate), replies, tokens, promptTokens }),
  });
  await using calibrator = await Calibrator.start({ crew, clock, place, stop: interrupted.stop });
  const at = async (count: number) => calibrator.at(load(count));

  const asked = await at(streams);
  const highest = await highestWithin(streams, asked, at, interrupted.stop);
  if (!interrupted.stop.aborted) return told(call, { streams, gap, stamps: await crew.ready(), highest }, asked, terminal);
  terminal.tell("interrupted: nothing was measured to its end");
  return 130;
}

function told(call: Call, found: Calibrated, asked: RulerError, terminal: Terminal): number {
  const { streams, gap, stamps, highest } = found;
  if (call.options["json"] === true) {
    terminal.print(
      JSON.stringify({
        schema: 1,
        streams,
        tokens_per_second: 1 / gap,
        receive_stamps: stamps,
        error_seconds: asked,
        highest_streams_within_1_ms: highest,
      }),
    );
  } else {
    for (const line of linesOf(found, asked)) terminal.print(line);
  }
  return 0;
}

/** Doubles while it is good, halves while it is not; then once between. Missing when not even one stream is. */
async function highestWithin(
  from: number,
  first: RulerError,
  at: (streams: number) => Promise<RulerError>,
  stop: AbortSignal,
): Promise<number | undefined> {
  let [good, bad] = isGood(first) ? [from, Infinity] : [0, from];
  while (!stop.aborted && good < mostStreams && (bad === Infinity || bad > good * 1.3)) {
    const next = bad === Infinity ? good * 2 : good === 0 ? Math.floor(bad / 2) : Math.round((good + bad) / 2);
    if (next < 1) break;
    if (isGood(await at(next))) good = next;
    else bad = next;
  }
  return good === 0 ? undefined : good;
}

function isGood({ stamp }: RulerError): boolean {
  return stamp !== undefined && tailOfError(stamp) <= wanted;
}

interface Calibrated {
  readonly streams: number;
  readonly gap: number;
  readonly stamps: StampSource;
  readonly highest: number | undefined;
}

function linesOf({ streams, gap, stamps, highest }: Calibrated, error: RulerError): readonly string[] {
  const rows: readonly (readonly [string, ErrorSize | undefined])[] = [
    ["first token", error.ttft],
    ["gap between tokens", error.gap],
    ["token's stamp", error.stamp],
    ["sent late by", error.slip],
  ];
  return [
    highest === undefined
      ? "this machine stamps the tokens of no stream within 1 ms (p99) now: close other work"
      : `this machine stamps the tokens of up to about ${highest} streams within 1 ms (p99)${highest >= mostStreams ? ", or more: it was not tried" : ""}`,
    stamps === "kernel" ? "what is received is stamped by the kernel, when it comes in" : "what is received is stamped when it is read",
    "",
    `error at ${streams} streams of ${Math.round(1 / gap)} tokens/s`.padEnd(40) +
      ["p50", "p99", "max", "values"].map((head) => head.padStart(10)).join(""),
    ...rows.map(
      ([what, size]) =>
        `  ${what.padEnd(38)}${[size?.p50, size?.p99, size?.max].map((value) => duration(value).padStart(10)).join("")}${String(size?.count ?? "–").padStart(10)}`,
    ),
  ];
}
