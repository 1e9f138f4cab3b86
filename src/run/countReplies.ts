import { keptReplies, type KeptReply } from "../journal/keptReplies.ts";
import type { JournalWriter } from "../journal/write.ts";
import { reason } from "../launch/readiness.ts";
import { grouped } from "../model/grouped.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import type { Count } from "./tokenizer.ts";
import { toldIfSlow } from "./unmeasured.ts";

export interface CountingOptions {
  /** The test's. */
  readonly directory: string;
  readonly journal: JournalWriter;
  readonly tell: (event: RunEvent) => void;
  /** First interruption: a few seconds more are taken. */
  readonly stop: AbortSignal;
  /** Second. */
  readonly kill: AbortSignal;
  /** Of all of an engine's replies in an experiment. */
  readonly within?: Seconds;
}

/** Questions to one engine at the same time. */
const atOnce = 4;

/** Whoever has interrupted a run waits for so long at most. */
const afterStop: Seconds = 3;

/** After so many that were not answered, an engine is not asked again. */
const patience = 3;

/** When an experiment is over: each engine's tokenizer is asked for the tokens of its whole replies, those that failed included. */
export async function countReplies(experiment: number, counters: ReadonlyMap<string, Count>, options: CountingOptions): Promise<void> {
  if (counters.size === 0) return;
  const replies = Map.groupBy(await keptReplies(options.directory, experiment), ({ engine }) => engine);
  const counting = [...counters].map(async ([engine, count]) => countOf(engine, replies.get(engine) ?? [], count, options));
  await Promise.all(counting);
}

async function countOf(
  engine: string,
  replies: readonly KeptReply[],
  count: Count,
  { journal, tell, stop, kill, within = 60 }: CountingOptions,
): Promise<void> {
  const signal = AbortSignal.any([kill, soonAfter(stop), AbortSignal.timeout(within * 1_000)]);
  const left = replies.values();
  const failures: unknown[] = [];
  let counted = 0;
  // All lanes take from the same replies.
  const lane = async () => {
    for (const { worker, exchange, generated } of left) {
      if (signal.aborted || failures.length >= patience) return;
      try {
        journal.counted(worker, exchange, await count(generated, signal));
        counted++;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const slow = () => tell({ kind: "counting", engine, replies: replies.length });
  await toldIfSlow(slow, async () => Promise.all(Array.from({ length: atOnce }, lane)));
  journal.flush();
  if (counted === replies.length) return;
  const ended = stop.aborted || kill.aborted ? "the run was interrupted" : `its ${within} s were over`;
  const why = signal.aborted ? ended : reason(failures[0]);
  tell({ kind: "warning", message: uncounted(engine, counted, replies.length, why) });
}

function soonAfter(stop: AbortSignal): AbortSignal {
  const late = new AbortController();
  const wait = () => void setTimeout(() => late.abort(), afterStop * 1_000).unref();
  if (stop.aborted) wait();
  else stop.addEventListener("abort", wait, { once: true });
  return late.signal;
}

function uncounted(engine: string, counted: number, replies: number, why: string): string {
  return `engine ${engine}: its tokenizer counted ${grouped(counted)} of ${grouped(replies)} replies (${why}); the others stay as they were told or counted`;
}
