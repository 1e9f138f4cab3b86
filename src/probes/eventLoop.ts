import { monitorEventLoopDelay } from "node:perf_hooks";
import { harnessThread } from "../model/harnessThread.ts";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";

/** Resident memory of this process, all its threads. */
const rss = "rss-bytes";
/** Of the last second: how late this thread came to a look every 20 ms, at p90 (there are 50 of them) and at most. */
const delay = "event-loop-delay-seconds";
const longestDelay = "event-loop-delay-max-seconds";
/** Of the last second: CPU time of this thread by the time that passed. 1 is all of a core. */
const cpuShare = "cpu-share";

const everyMilliseconds = 1_000;
/** A stall is seen up to so much too short. A look every millisecond took 4 % of a core, every 20 it takes half a percent. */
const tickMilliseconds = 20;

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

/** The thread of this worker, which measures, watching itself once a second: was it in the way of what it measures? */
export function eventLoop(clock: Pick<Clock, "now">, worker: number): Probe {
  let histogram: IntervalHistogram | undefined;
  let timer: NodeJS.Timeout | undefined;
  let tellLast = () => {};
  return {
    name: "event-loop",
    async start(read) {
      histogram = monitorEventLoopDelay({ resolution: tickMilliseconds });
      histogram.enable();
      const share = cpuShareSince(clock);
      const tell = (series: string, value: number) => read({ at: clock.now(), series, of: harnessThread(worker), value } satisfies Reading);
      tellMemory(tell);
      timer = setInterval(readSecond, everyMilliseconds, histogram, share, tell).unref();
      tellLast = () => tellLongest(histogram, tell);
      return true;
    },
    async stop() {
      clearInterval(timer);
      tellLast();
      tellLast = () => {};
      histogram?.disable();
    },
  };
}

function readSecond(histogram: IntervalHistogram, share: () => number, tell: (series: string, value: number) => void): void {
  tellMemory(tell);
  tell(cpuShare, share());
  if (histogram.count > 0) tell(delay, lateness(histogram.percentile(90)));
  tellLongest(histogram, tell);
  histogram.reset();
}

/** Also of what is less than a second: the last one. */
function tellLongest(histogram: IntervalHistogram | undefined, tell: (series: string, value: number) => void): void {
  if (histogram !== undefined && histogram.count > 0) tell(longestDelay, lateness(histogram.max));
}

/** The system reads it from a file, and there may be none left to open: no reading is worth the run. */
function tellMemory(tell: (series: string, value: number) => void): void {
  try {
    tell(rss, process.memoryUsage.rss());
  } catch {
    // Missing, as any other that cannot be had.
  }
}

/** The histogram has the nanoseconds between two ticks, of which one tick's length was meant to be. */
function lateness(betweenTicks: number): number {
  return Math.max(0, betweenTicks / 1e9 - tickMilliseconds / 1e3);
}

function cpuShareSince(clock: Pick<Clock, "now">): () => number {
  let since = clock.now();
  let before = process.threadCpuUsage();
  return () => {
    const now = clock.now();
    const { user, system } = process.threadCpuUsage(before);
    const share = ((user + system) * 1e3) / (now - since);
    before = process.threadCpuUsage();
    since = now;
    return share;
  };
}
