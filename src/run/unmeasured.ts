import type { Deadlines, Experiment } from "../model/experiment.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Seconds } from "../model/time.ts";

/** An engine's first request may have to compile, or to get memory, what no later one has to. */
const firstUse: Seconds = 30;

/** Who waits for longer than this is told what for, in milliseconds. */
const patience = 3_000;

/** How long what is not measured may take: an answer of one token, and no longer than that of any experiment. */
export interface UnmeasuredDeadlines {
  readonly first: Deadlines;
  readonly later: Deadlines;
}

export function unmeasuredDeadlines(experiments: readonly { readonly experiment: Pick<Experiment, "deadlines"> }[]): UnmeasuredDeadlines {
  const all = experiments.map(({ experiment }) => experiment.deadlines);
  const given = all.length === 0 ? [defaultDeadlines] : all;
  const longest = (name: "connect" | "firstToken" | "idle" | "request", least = 0) =>
    Math.max(least, ...given.map((deadlines) => deadlines[name]));
  const within = (least: Seconds): Deadlines => {
    const [firstToken, idle] = [longest("firstToken", least), longest("idle")];
    return { connect: longest("connect"), firstToken, idle, request: Math.min(longest("request", least), firstToken + idle) };
  };
  return { first: within(firstUse), later: within(0) };
}

/** What `work` comes to; whoever waits for it is told, once, where it takes long. */
export async function toldIfSlow<T>(tell: () => void, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(tell, patience);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
