import { setTimeout as pause } from "node:timers/promises";

import { grouped } from "../model/grouped.ts";
import type { Probe } from "../model/record.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { noSuchPage } from "./metrics.ts";
import { countersIn, parseMetrics } from "./parseMetrics.ts";

export interface RestartsOptions {
  readonly tell: (event: RunEvent) => void;
  /** Rejects where nobody answers in time. */
  readonly ask: (
    engine: RunningEngine,
    question: { readonly path: string; readonly within: Seconds },
  ) => Promise<{ readonly status: number; readonly text: string; readonly date?: Seconds | undefined }>;
  readonly everySeconds?: Seconds;
}

/**
 * Whether servers that we did not start were started anew by somebody else: asked for their metrics at both edges of an experiment, and now and
 * then between, since what was counted may have grown beyond what it was. What we started is watched as a process.
 */
export function restarts(engines: readonly RunningEngine[], options: RestartsOptions): Probe {
  const watches = engines.filter(({ engine }) => engine.launch.kind === "attached").map((engine) => new Watch(engine, options));
  return {
    name: "restarts",
    start: async () => {
      const found = await Promise.all(watches.map(async (watch) => watch.start()));
      return found.some(Boolean);
    },
    stop: async () => {
      await Promise.all(watches.map(async (watch) => watch.stop()));
    },
  };
}

const lookWithin: Seconds = 2;
/** At the end, so often and a second apart. One that was killed by its last requests may just be started again. */
const looksAtTheAbsent = 3;
/** At the end. Of two servers that answer by turns, or at random, the other is all but sure to be among so many. */
const looksAtASuspect = 8;

/** What a metrics page says of a process's age. */
export interface Age {
  /** When it was read, by the wall clock of whoever answered where the answer tells it, else by ours. */
  readonly wall: Seconds;
  readonly clock: "ours" | "theirs";
  /** When the process says that it was started, by the wall clock of its machine. */
  readonly started?: Seconds;
  /** By name and labels. */
  readonly counters: ReadonlyMap<string, number>;
}

/** Remembers what was read last, from experiment to experiment. */
class Watch {
  private readonly engine: RunningEngine;
  private readonly options: RestartsOptions;
  private last: Age | undefined;
  private isAbsent = false;
  /** The start of a process that is either a later one, of a clock far behind, or another beside the one before. */
  private suspected: Seconds | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** One look at a time: of two answers the later must not be taken for the earlier. */
  private looking: Promise<boolean> = Promise.resolve(false);

  constructor(engine: RunningEngine, options: RestartsOptions) {
    this.engine = engine;
    this.options = options;
  }

  async start(): Promise<boolean> {
    const isFound = await this.look();
    const { everySeconds = 5 } = this.options;
    this.timer = setInterval(() => void this.look(), everySeconds * 1_000).unref();
    return isFound;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.lookUntilSeen();
    for (let left = looksAtASuspect; left > 0 && this.suspected !== undefined; left--) await this.look();
    if (this.suspected !== undefined)
      this.tell("process_start_time_seconds tells of another process, and the one before was not seen again");
    this.suspected = undefined;
  }

  private async lookUntilSeen(): Promise<void> {
    for (let left = looksAtTheAbsent; !(await this.look()) && this.isKnown() && left > 1; left--) await pause(1_000);
  }

  /** It has shown its metrics, and nobody has said since that it has none. */
  private isKnown(): boolean {
    return this.last !== undefined && !this.isAbsent;
  }

  private async look(): Promise<boolean> {
    this.looking = this.looking.then(async () => this.lookOnce());
    return this.looking;
  }

  private async lookOnce(): Promise<boolean> {
    if (this.isAbsent) return false;
    const answer = await this.options.ask(this.engine, { path: "/metrics", within: lookWithin }).catch(() => undefined); // gone, or too busy: looked at again
    this.isAbsent = answer !== undefined && noSuchPage.has(answer.status);
    if (answer?.status !== 200) return false;
    const age = ageIn(answer.text, answer.date ?? Date.now() / 1e3, answer.date === undefined ? "ours" : "theirs");
    const before = this.last ?? age;
    const message = restartBetween(before, age);
    this.last = age;
    this.suspected = message === undefined ? suspectBetween(before, age, this.suspected) : undefined;
    if (message !== undefined) this.tell(message);
    return true;
  }

  private tell(message: string): void {
    this.options.tell({ kind: "restarted", engine: this.engine.name, message });
  }
}

export function ageIn(page: string, wall: Seconds, clock: Age["clock"] = "ours"): Age {
  const started = parseMetrics(page).findLast(({ name }) => name === "process_start_time_seconds")?.value;
  return { wall, clock, ...(started === undefined ? {} : { started }), counters: countersIn(page) };
}

/** A proxy's clock may be off by so much. Of several servers at one address each was started long before the one was seen and then the other. */
const clocksApart: Seconds = 60;

/** What shows that the process read now is a later one than the one before; undefined where nothing does. */
export function restartBetween(before: Age, now: Age): string | undefined {
  if (before.started !== undefined && now.started !== undefined) {
    if (now.started <= before.started || now.started < before.wall - clocksApart) return undefined;
    const ago = Math.min(Math.max(0, now.wall - now.started), now.wall - before.wall);
    return `process_start_time_seconds tells of another process, started about ${ago.toFixed(0)} s before this was seen`;
  }
  const back = [...now.counters].find(([name, value]) => value < (before.counters.get(name) ?? 0));
  return back === undefined
    ? undefined
    : `${back[0].replace(/\{.*/, "")} went back from ${grouped(before.counters.get(back[0]) ?? 0)} to ${grouped(back[1])}`;
}

/** By their own clock it would have been told. The suspect before stays one until another is seen. */
function suspectBetween(before: Age, now: Age, suspected: Seconds | undefined): Seconds | undefined {
  if (now.clock === "theirs" || before.started === undefined || now.started === undefined) return undefined;
  return now.started > before.started || now.started === suspected ? now.started : undefined;
}
