import { atOnce } from "../arrivals/atOnce.ts";
import { drive } from "../load/drive.ts";
import { inTurn } from "../load/order.ts";
import type { Ending, Line } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Recorder } from "../model/recorder.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { documentQa } from "../workloads/documentQa.ts";
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
  const noted = new Noted((outcome) => tell({ kind: "warning", message: failure(name, outcome) }));
  const { first, later } = deadlines;
  const slow = () => tell({ kind: "warmingUp", engine: name, atMost: first.firstToken + later.firstToken });
  await toldIfSlow(slow, async () => {
    for (const [index, request] of workload.requests.entries()) {
      if (stop.aborted) return;
      await drive({
        experiment: -1,
        phases: inTurn([name], { ...workload, requests: [request] }, 1),
        lines: { [name]: line },
        clock,
        deadlines: index === 0 ? first : later,
        recorder: noted,
        signal: stop,
        kill: stop,
        keepText: false,
      });
    }
  });
  return noted.usage;
}

type Failed = Extract<Outcome, { kind: "failed" }>;

function failure(engine: string, { code, message }: Failed): string {
  return `engine ${engine}: a request to warm it up, which is not measured, failed: ${message} (${code}); the first that is measured may meet the same`;
}

/** What came of the requests to one engine, its first failure told at once. */
class Noted implements Recorder {
  usage: boolean | undefined;
  private readonly failed: (outcome: Failed) => void;
  private isTold: boolean;

  constructor(failed: (outcome: Failed) => void) {
    this.usage = undefined;
    this.failed = failed;
    this.isTold = false;
  }

  due(): number {
    return 0;
  }

  stamp(): void {}

  texts(): void {}

  ended(_exchange: number, _at: number, { outcome, outputTokensSource }: Ending): void {
    if (outcome.kind === "completed") this.usage = outputTokensSource === "usage";
    if (outcome.kind !== "failed" || this.isTold) return;
    this.isTold = true;
    this.failed(outcome);
  }

  reading(): void {}
}
