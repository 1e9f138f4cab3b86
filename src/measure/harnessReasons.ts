import { momentsOf } from "../model/chunks.ts";
import type { ValidityReason } from "../model/figures.ts";
import { largestOf, smallestOf } from "../model/extremes.ts";
import { grouped } from "../model/grouped.ts";
import { workerOf } from "../model/harnessThread.ts";
import type { RequestRecord } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { arrivalShape } from "./arrivalShape.ts";
import { nearestRank, sortedValues, tailOf } from "./distribution.ts";
import { largest } from "./harnessMargin.ts";
import { sentFirst } from "./latency.ts";
import { lateness } from "./lateness.ts";
import { byBlock } from "./ofEngine.ts";
import { stallsOf } from "./stalls.ts";
import { isCompleted } from "./summary.ts";
import { milliseconds } from "./inWords.ts";
import { beyond, share, type Limits } from "./validityLimits.ts";

const quieter = "close other work on this machine, or lower the rate";

/** Was the harness, or its machine, in the way? */
export function harnessReasons(result: ExperimentResult, limits: Limits): readonly ValidityReason[] {
  const { records } = result;
  const blocks = byBlock(records);
  const delay = worstThread(result, "event-loop-delay-seconds");
  const cpu = worstThread(result, "cpu-share");
  const [ttftError, stampError] = [largest(result, "ttft"), largest(result, "stamp")];
  const steal = inNineOfTen(result, "host-steal-share");
  const crowd = inNineOfTen(result, "host-runnable-per-core");
  const step = Math.max(0, ...readingsOf(result, "clock-step-seconds"));
  const backwards = records.filter(runsBackwards).length;
  const exhausted = records.filter(({ outcome }) => outcome.kind === "failed" && outcome.code === "exhausted").length;
  return [
    ...beyond(limits.exhausted, share(exhausted, records.length), {
      what: `the harness's machine had no port or file left for ${grouped(exhausted)} requests: they are no failures of the engine`,
      advice: "raise ulimit -n, or keep fewer requests under way (from one address to one port there are about 28,000 connections)",
    }),
    ...lateReasons(result, limits),
    ...blocks.flatMap((own) => rateOf(own, limits)),
    ...blocks.flatMap((own) => shapeOf(own, limits)),
    // Also where the kernel stamps: what is read later than the next token came shares that one's stamp.
    ...beyond(limits.eventLoopDelay, delay?.value, {
      what: `the harness stamped late (event loop${delay?.whose} held up for ${milliseconds(delay?.value)})`,
      advice: quieter,
    }),
    ...beyond(limits.cpu, cpu?.value, {
      what: `the harness was at its limit (${cpu?.value.toFixed(2)} CPU cores${cpu?.whose})`,
      advice: "lower the rate or the number of streams, or give it a faster core",
    }),
    ...beyond(limits.harnessError, stampError, {
      what: `the harness's own stamps are off by ${milliseconds(stampError)} at this load`,
      advice: quieter,
    }),
    // Never INVALID: the ground-truth engine's own lateness in reading is in it, and differences of that size are refused anyway.
    ...beyond(limits.harnessTtft, ttftError, {
      what: `the harness's own TTFT is off by ${milliseconds(ttftError)} at this load`,
      advice: quieter,
    }),
    ...beyond(limits.steal, steal, {
      what: `the machine's host gave ${Math.round((steal ?? 0) * 100)} % of its time to others`,
      advice: "measure on a machine of your own, or again when it is quiet",
    }),
    ...beyond(limits.crowded, crowd, {
      what: `${crowd?.toFixed(1)} threads wanted each core of this machine`,
      advice: "end other work, or give each engine cores of its own: one that waits for a core looks slow",
    }),
    ...beyond(limits.clockStep, step, {
      what: `the wall clock was set by ${milliseconds(step)}`,
      advice: "the numbers stand, they come from the monotonic clock; do not compare times of day with the engine's log",
    }),
    ...beyond(limits.clock, share(backwards, records.length), {
      what: `the stamps of ${grouped(backwards)} requests run backwards`,
      advice: "do not use these numbers, and report the fault: the clock of a run never goes back",
    }),
  ];
}

/** Told first: it explains what was late, and what was not in time. */
export function stallReasons(result: ExperimentResult, limits: Limits): readonly ValidityReason[] {
  const stalls = stallsOf(result);
  return beyond(limits.stalls, stalls?.share, {
    what: `the harness stood still for ${milliseconds(stalls?.seconds)}: what came meanwhile was read late, and what was due then sent late`,
    advice:
      "measure again while nothing stops this process or its machine (a debugger, a suspended or moved virtual machine, a full memory)",
  });
}

/** One late request is marked: its TTFT counts from when it was sent. When most are late, another load was played than was asked for. */
function lateReasons(result: ExperimentResult, limits: Limits): readonly ValidityReason[] {
  const { alone, atOnce, latest } = lateness(result);
  const ofMost = nearestRank(sortedValues([...alone, ...atOnce]), 0.9);
  const fewer = "give it more threads (--workers) where there are cores for them, or have fewer requests fall due at once";
  return [
    ...beyond(limits.sendLag, tailOf(alone), {
      what: `the harness sent requests late (up to ${milliseconds(alone.at(-1))})`,
      advice: quieter,
    }),
    ...beyond(limits.sendLag, tailOf(atOnce), {
      what: `the harness was late with ${grouped(latest?.requests ?? 0)} requests that fell due at once (up to ${milliseconds(latest?.lag)}, where so many may take ${milliseconds(latest?.expected)})`,
      advice: `close other work on this machine, ${fewer}`,
    }),
    ...beyond(limits.sendLagOfMost, ofMost, {
      what: `the harness could not keep the schedule (one request in ten was ${milliseconds(ofMost)} late or more${atOnce.length > 0 ? ", beyond what so many at once may take" : ""})`,
      advice: atOnce.length > alone.length ? fewer : quieter,
    }),
  ];
}

/** What was offered against what was sent, where there are enough requests for a rate. */
function rateOf(own: readonly RequestRecord[], limits: Limits): readonly ValidityReason[] {
  const sent = own.flatMap((record) => {
    const first = sentFirst(record);
    return first === undefined ? [] : [{ due: record.due, sent: first }];
  });
  if (sent.length < 20) return [];
  const [offered, achieved] = [spread(sent.map(({ due }) => due)), spread(sent.map((one) => one.sent))];
  const off = offered === 0 ? undefined : Math.abs(offered / achieved - 1);
  return beyond(limits.rate, off, {
    what: `requests were sent at ${Math.round((offered / achieved) * 100)} % of the rate that was asked for`,
    advice: "lower the rate, or say atOnce() where it does not matter",
    ...(own[0] === undefined ? {} : { engine: own[0].engine }),
  });
}

/** The same requests per second in bunches are another load. */
function shapeOf(own: readonly RequestRecord[], limits: Limits): readonly ValidityReason[] {
  const shape = arrivalShape(own);
  return beyond(limits.shape, shape?.share, {
    what: `arrivals were ${shape?.isLessEven === true ? "less" : "more"} even than was asked for (gaps between requests off by ${milliseconds(shape?.off)}, of ${milliseconds(shape?.meanGap)} on average)`,
    advice: "close other work on this machine, lower the rate, or give it more threads (--workers) where there are cores for them",
    ...(own[0] === undefined ? {} : { engine: own[0].engine }),
  });
}

function spread(times: readonly number[]): number {
  return largestOf(times) - smallestOf(times);
}

/** Readings are one a second, and a single bad second is not the run. */
function inNineOfTen(result: ExperimentResult, series: string): number | undefined {
  return nearestRank(sortedValues(readingsOf(result, series)), 0.9);
}

/** A thread that stands still stamps late whatever the others do; which one, where there are several. */
function worstThread({ readings }: ExperimentResult, series: string): { readonly value: number; readonly whose: string } | undefined {
  const told = readings.filter((reading) => reading.series === series && isHarness(reading.of));
  const threads = [...Map.groupBy(told, ({ of }) => of)].map(([of, own]) => ({
    of,
    value: nearestRank(sortedValues(own.map(({ value }) => value)), 0.9) ?? 0,
  }));
  const [worst] = threads.toSorted((one, other) => other.value - one.value);
  if (worst === undefined) return undefined;
  return { value: worst.value, whose: threads.length > 1 ? ` of worker ${workerOf(worst.of)} of ${threads.length}` : "" };
}

function isHarness(of: string): boolean {
  return of === "harness" || workerOf(of) !== undefined;
}

function readingsOf({ readings }: ExperimentResult, series: string): readonly number[] {
  return readings.filter((reading) => reading.of === "harness" && reading.series === series).map(({ value }) => value);
}

function runsBackwards(record: RequestRecord): boolean {
  const { due, sent = due, headers = sent } = record;
  const moments = momentsOf(record.chunks);
  const first = moments[0] ?? headers;
  const last = moments.at(-1) ?? headers;
  const endsBefore = isCompleted(record) && (record.ended ?? last) < last;
  return sent < due || headers < sent || first < headers || endsBefore || !isAscending(moments);
}

function isAscending(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) < (values[i - 1] ?? 0)) return false;
  return true;
}
