import { atOnce } from "../arrivals/atOnce.ts";
import { drive } from "../load/drive.ts";
import { inTurn } from "../load/order.ts";
import type { Ending, Line } from "../model/exchange.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import { documentQa } from "../workloads/documentQa.ts";

/** Far from every seed an author would choose, so that no warm-up prompt shares a prefix with a measured one. */
const warmUpSeed = 0x7a9d_e3;

/**
 * Two requests of about a thousand tokens and one output token for each engine, one after the other, before the clock starts
 * (as lmcache-tests): first-use costs are paid there. They are kept out of the journal. Returns, of each engine that answered, whether its
 * streams told the output tokens: one that does not stream says nothing of those that do.
 */
export async function warmUp(
  lines: Readonly<Record<string, Line>>,
  clock: Clock,
  stop: AbortSignal,
): Promise<ReadonlyMap<string, boolean>> {
  const usage = new Map<string, boolean>();
  const workload = documentQa({ contextTokens: 1_000, questionTokens: 5, documents: 2, requests: 2, outputTokens: 1 }).generate(
    atOnce(),
    warmUpSeed,
  );
  const phases = Object.keys(lines).flatMap((name) =>
    workload.requests.flatMap((request) => inTurn([name], { ...workload, requests: [request] }, 1)),
  );
  await drive({
    experiment: -1,
    phases,
    lines,
    clock,
    deadlines: { ...defaultDeadlines, experiment: 240 },
    recorder: usageOnly(usage),
    signal: stop,
    kill: stop,
    keepText: false,
  });
  return usage;
}

function usageOnly(usage: Map<string, boolean>): Recorder {
  const engines: string[] = [];
  return {
    due: ({ engine }) => engines.push(engine) - 1,
    stamp: () => {},
    texts: () => {},
    ended: (exchange: number, _at: number, { outcome, outputTokensSource }: Ending) => {
      const engine = engines[exchange];
      if (engine !== undefined && outcome.kind === "completed") usage.set(engine, outputTokensSource === "usage");
    },
    reading: () => {},
  };
}
