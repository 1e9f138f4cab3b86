import { monitorEventLoopDelay } from "node:perf_hooks";
import { harnessThread, shortestStall } from "../model/harnessThread.ts";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";
import type { Nanoseconds, Seconds } from "../model/time.ts";

/** Resident memory of this process, all its threads. */
const rss = "rss-bytes";
/** Of the last second: how late this thread came to a look every 20 ms, at p90 (there are 50 of them) and at most. */
const delay = "event-loop-delay-seconds";
const longestDelay = "event-loop-delay-max-seconds";
/** Of the same second: how long it stood still, all times together. */
const stalled = "event-loop-stalled-seconds";
/** Of the last second: CPU time of this thread by the time that passed. 1 is all of a core. */
const cpuShare = "cpu-share";

const everyMilliseconds = 1_000;
/** A stall is seen up to so much too short. A look every millisecond took 4 % of a core, every 20 it takes half a percent. */
const tickMilliseconds = 20;

/** The thread of this worker, which measures, watching itself once a second: was it in the way of what it measures? */
export function eventLoop(clock: Pick<Clock, "now">, worker: number): Probe {
  let timer: NodeJS.Timeout | undefined;
  let looks: Looks | undefined;
  let tellLast = () => {};
  return {
    name: "event-loop",
    async start(read) {
      const own = new Looks(clock);
      looks = own;
      const share = cpuShareSince(clock);
      const tell = (series: string, value: number) => read({ at: clock.now(), series, of: harnessThread(worker), value } satisfies Reading);
      tellMemory(tell);
      timer = setInterval(readSecond, everyMilliseconds, own, share, tell).unref();
      // Also of what is less than a second.
      tellLast = () => own.count > 0 && tellStalls(own, tell);
      return true;
    },
    async stop() {
      clearInterval(timer);
      tellLast();
      tellLast = () => {};
      looks?.end();
    },
  };
}

function readSecond(looks: Looks, share: () => number, tell: (series: string, value: number) => void): void {
  tellMemory(tell);
  tell(cpuShare, share());
  if (looks.count > 0) {
    tell(delay, looks.ofNineInTen);
    tellStalls(looks, tell);
  }
  looks.begin();
}

function tellStalls(looks: Looks, tell: (series: string, value: number) => void): void {
  tell(longestDelay, looks.longest);
  tell(stalled, looks.stalled);
}

/** Looks at the event loop since they were begun. */
class Looks {
  private readonly clock: Pick<Clock, "now">;
  private readonly histogram: ReturnType<typeof monitorEventLoopDelay>;
  private since: Nanoseconds;

  constructor(clock: Pick<Clock, "now">) {
    this.clock = clock;
    this.histogram = monitorEventLoopDelay({ resolution: tickMilliseconds });
    this.histogram.enable();
    this.since = clock.now();
  }

  get count(): number {
    return this.histogram.count;
  }

  /** The delay, in seconds. */
  get ofNineInTen(): number {
    return lateness(this.histogram.percentile(90));
  }

  /**
   * Likewise. Also of one that is just over, and whose look comes only after this, and of one that went over the beginning: the histogram has neither. They are
   * what its looks do not add up to, but for a tick at each end.
   */
  get longest(): Seconds {
    return Math.max(lateness(this.histogram.max), this.unseen);
  }

  /** Likewise, of all that are long enough. */
  get stalled(): Seconds {
    let sum = this.unseen < shortestStall ? 0 : this.unseen;
    // The longest first. Of a second there are ten at most.
    for (let rank = this.count; rank > 0; rank--) {
      const late = lateness(this.histogram.percentile((100 * rank) / this.count));
      if (late < shortestStall) break;
      sum += late;
    }
    return sum;
  }

  private get unseen(): Seconds {
    const looked = this.histogram.mean * this.histogram.count;
    return lateness(this.clock.now() - this.since - looked - tickMilliseconds * 1e6);
  }

  begin(): void {
    this.histogram.reset();
    this.since = this.clock.now();
  }

  end(): void {
    this.histogram.disable();
  }
}

/** The system reads it from a file, and there may be none left to open: no reading is worth the run. */
function tellMemory(tell: (series: string, value: number) => void): void {
  try {
    tell(rss, process.memoryUsage.rss());
  } catch {
    // Missing, as any other that cannot be had.
  }
}

/** Of the nanoseconds between two ticks one tick's length was meant to be. */
function lateness(betweenTicks: Nanoseconds): Seconds {
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
