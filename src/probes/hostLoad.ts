import { readFileSync } from "node:fs";

import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";

const everyMilliseconds = 1_000;

/**
 * What else went on on this machine, once a second, of "harness": the share of time its host gave to others, threads that want a core,
 * and by how much the wall clock was set. Where /proc does not tell (macOS), there are no values.
 */
export function hostLoad(clock: Pick<Clock, "now">): Probe {
  let timer: NodeJS.Timeout | undefined;
  return {
    name: "host load",
    start: async (read) => {
      let before = look(clock);
      if (before.times === undefined) return false;
      // What the others are is known after a second.
      read({ at: before.at, of: "harness", ...runnable(before.times) });
      timer = setInterval(() => {
        const now = look(clock);
        for (const reading of readingsBetween(before, now)) read({ at: now.at, of: "harness", ...reading });
        before = now;
      }, everyMilliseconds);
      timer.unref();
      return true;
    },
    stop: async () => clearInterval(timer),
  };
}

interface Look {
  readonly at: number;
  readonly wall: number;
  /** Jiffies since boot, and, now, threads that run or want to, for each core. */
  readonly times: { readonly steal: number; readonly all: number; readonly runnablePerCore: number } | undefined;
}

function look(clock: Pick<Clock, "now">): Look {
  return { at: clock.now(), wall: Date.now() * 1e6, times: timesIn(procStat()) };
}

function procStat(): string {
  try {
    return readFileSync("/proc/stat", "utf8");
  } catch {
    return ""; // not Linux: nothing to read
  }
}

/** proc(5): user nice system idle iowait irq softirq steal guest guest_nice; guest time is in user already. */
export function timesIn(stat: string): Look["times"] {
  const jiffies = /^cpu +(.+)$/m.exec(stat)?.[1]?.split(" ").map(Number);
  const runnable = /^procs_running (\d+)$/m.exec(stat)?.[1];
  const cores = stat.match(/^cpu\d+ /gm)?.length;
  if (jiffies === undefined || jiffies.length < 8 || runnable === undefined || cores === undefined) return undefined;
  const all = jiffies.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { steal: jiffies[7] as number, all, runnablePerCore: Number(runnable) / cores };
}

function readingsBetween(before: Look, now: Look): readonly Pick<Reading, "series" | "value">[] {
  const step = { series: "clock-step-seconds", value: Math.abs(now.wall - before.wall - (now.at - before.at)) / 1e9 };
  if (before.times === undefined || now.times === undefined) return [step];
  const all = now.times.all - before.times.all;
  const steal = all <= 0 ? [] : [{ series: "host-steal-share", value: (now.times.steal - before.times.steal) / all }];
  return [step, ...steal, runnable(now.times)];
}

function runnable({ runnablePerCore }: NonNullable<Look["times"]>): Pick<Reading, "series" | "value"> {
  return { series: "host-runnable-per-core", value: runnablePerCore };
}
