import { atOnce } from "../arrivals/atOnce.ts";
import type { Line } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { Outcome } from "../model/outcome.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { asked } from "./askedPrompt.ts";
import { toldIfSlow, type UnmeasuredDeadlines } from "./unmeasured.ts";

/** Far from every seed an author would choose, so that no warm-up prompt shares a prefix with a measured one. */
const warmUpSeed = 0x7a9d_e3;

/** As many tokens as are enough for an engine to do all it does; fewer where it does not take so many. */
const usualTokens = 1_000;
const questionTokens = 5;
/** For the question, the answer, and what a chat template adds. */
const room = 72;

export interface WarmingUp {
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly tell: (event: RunEvent) => void;
  readonly deadlines: UnmeasuredDeadlines;
  /** Of the engine that takes the shortest prompts; Infinity where none tells. */
  readonly contextLimit: number;
}

/**
 * Two requests of about a thousand tokens and one output token for each engine, one after the other, before the clock starts
 * (as lmcache-tests): first-use costs are paid there. They are kept out of the journal; that one failed is told. Returns, of each engine that
 * answered, whether its streams told the output tokens: one that does not stream says nothing of those that do.
 */
export async function warmUp(lines: Readonly<Record<string, Line>>, options: WarmingUp): Promise<ReadonlyMap<string, boolean>> {
  const usage = new Map<string, boolean>();
  for (const [name, line] of Object.entries(lines)) {
    const ended = await warmedUp(name, line, options);
    if (ended !== undefined) usage.set(name, ended);
  }
  return usage;
}

/** Whether its last answer told its output tokens; undefined where there was none. */
async function warmedUp(name: string, line: Line, { clock, stop, tell, deadlines, contextLimit }: WarmingUp): Promise<boolean | undefined> {
  const contextTokens = Math.max(1, Math.min(usualTokens, contextLimit - room));
  const workload = documentQa({ contextTokens, questionTokens, documents: 2, requests: 2, outputTokens: 1 }).generate(atOnce(), warmUpSeed);
  const { first, later } = deadlines;
  const slow = () => tell({ kind: "warmingUp", engine: name, atMost: first.firstToken + later.firstToken });
  return toldIfSlow(slow, async () => {
    let usage: boolean | undefined;
    let isTold = false;
    for (const [index, request] of workload.requests.entries()) {
      if (stop.aborted) break;
      const { ending } = await asked({ name, line, clock, stop, deadlines: index === 0 ? first : later }, request);
      if (ending.outcome.kind === "completed") usage = ending.outputTokensSource === "usage";
      if (ending.outcome.kind !== "failed" || isTold) continue;
      tell({ kind: "warning", message: failure(name, ending.outcome) });
      isTold = true;
    }
    return usage;
  });
}

function failure(engine: string, { code, message }: Extract<Outcome, { kind: "failed" }>): string {
  return `engine ${engine}: a request to warm it up, which is not measured, failed: ${message} (${code}); the first that is measured may meet the same`;
}
