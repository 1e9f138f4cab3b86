import { atOnce } from "../arrivals/atOnce.ts";
import { drive } from "../load/drive.ts";
import type { Ending, Line } from "../model/exchange.ts";
import type { Deadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Request } from "../model/request.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { expectedCachedTokens } from "../measure/cacheTokens.ts";
import { cacheTolerance } from "../measure/proofs.ts";
import { groupedIfWhole } from "../model/grouped.ts";
import type { CacheReuse, ProofCheck } from "../model/proof.ts";
import { documentQa } from "../workloads/documentQa.ts";

/** Who asks an engine something that is not measured. */
export interface Asker {
  readonly name: string;
  readonly line: Line;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly deadlines: Deadlines;
}

/** What an unmeasured request came to. */
export interface Asked {
  readonly ending: Ending;
  readonly took: Seconds;
}

/** Far from every seed an author would choose, and from that of the warm-up: these prompts share no prefix with measured ones. */
const probeSeed = 0x7a9d_e4;

/** A prompt of about so many tokens that no engine has seen before, also not in an earlier run: caches on disk or in Redis outlive us. */
export function unseenPrompt(tokens: number, clock: Clock, ordinal: number): Request {
  const seed = probeSeed + (Math.floor(clock.now() / 1_000) % 2 ** 20) + ordinal * 2 ** 21;
  const workload = documentQa({ contextTokens: tokens - 5, questionTokens: 5, documents: 1, requests: 1, outputTokens: 1 });
  const [request] = workload.generate(atOnce(), seed).requests;
  if (request === undefined) throw new Error("a workload of one request has none");
  return request;
}

/** Sends one request, `after` so long, and waits for its end. It is kept out of the journal. */
export async function asked({ name, line, clock, stop, deadlines }: Asker, request: Request, after: Seconds = 0): Promise<Asked> {
  const note = new Note();
  await drive({
    experiment: -1,
    phases: [[{ engine: name, block: 0, request, due: after }]],
    lines: { [name]: line },
    clock,
    deadlines,
    recorder: note,
    signal: stop,
    kill: stop,
    keepText: false,
  });
  return note.asked();
}

/** Stores that are late, and blocks that are not free yet, are waited for so often, a second apart. */
export const attempts = 6;

export interface Repeating {
  /** Undefined: any hit will do. */
  readonly reuse?: CacheReuse | undefined;
  /** How it is asked, where replies alone do not tell of hits. */
  readonly ask?: typeof asked;
}

/** Asked again, a second apart, until as much of it is found in a cache as can be: some store late, and piece by piece. */
export async function untilFound(asker: Asker, prompt: Request, { reuse, ask = asked }: Repeating): Promise<Asked> {
  let found = await ask(asker, prompt);
  for (let attempt = 1; attempt < attempts && isShort(found, reuse) && !asker.stop.aborted; attempt++) {
    found = await ask(asker, prompt, 1);
  }
  return found;
}

function isShort({ ending }: Asked, reuse: CacheReuse | undefined): boolean {
  return ending.outcome.kind === "completed" && ending.cachedTokens !== undefined && ending.cachedTokens < enough(ending, reuse);
}

/** Of a prompt that was asked before, the tokens that a cache can have of it; undefined where that is not known. */
export function mostOfIt({ promptTokens }: Ending, reuse: CacheReuse | undefined): number | undefined {
  if (reuse === undefined || promptTokens === undefined) return undefined;
  return expectedCachedTokens({ contextTokens: promptTokens, questionTokens: 0, reusableTokens: promptTokens, promptTokens }, reuse);
}

/** Of so many tokens every cache has at least one piece, as far as is known: some hosted ones find nothing of less. */
const surelyAPiece = 1_024;

/**
 * What was found again of it, beside what a cache can have. Of a prompt shorter than one of its pieces that is nothing, which proves nothing; where nobody
 * knows its pieces, such a prompt is none of those that can be found.
 */
export function foundAgain(ending: Ending, reuse: CacheReuse | undefined): Pick<ProofCheck, "ok" | "partly"> {
  const { cachedTokens, promptTokens } = ending;
  const most = mostOfIt(ending, reuse);
  if (cachedTokens === undefined || (cachedTokens === 0 && most === 0)) return {};
  if (cachedTokens === 0 && most === undefined && (promptTokens ?? 0) < surelyAPiece) return { partly: true };
  return { ok: cachedTokens > 0, ...(cachedTokens > 0 && cachedTokens < enough(ending, reuse) ? { partly: true } : {}) };
}

/** Why nobody knows what was found of it. */
export function untold({ ending }: Asked): string {
  const { outcome, impossibleCachedTokens: impossible, promptTokens } = ending;
  if (outcome.kind !== "completed") return `it was not answered (${outcome.kind === "failed" ? outcome.message : outcome.kind})`;
  if (impossible === undefined) return "its replies do not tell cached tokens";
  return `its replies tell what cannot be: ${groupedIfWhole(impossible)} cached tokens of a prompt of ${promptTokens === undefined ? "unknown length" : groupedIfWhole(promptTokens)}`;
}

function enough(ending: Ending, reuse: CacheReuse | undefined): number {
  const most = mostOfIt(ending, reuse);
  if (most === 0) return 0;
  return most === undefined ? 1 : Math.max(1, most - cacheTolerance * (ending.promptTokens ?? 0));
}

class Note implements Recorder {
  private sentAt: Nanoseconds | undefined;
  private endedAt: Nanoseconds;
  private ending: Ending;

  constructor() {
    this.sentAt = undefined;
    this.endedAt = 0;
    this.ending = { outcome: { kind: "cancelled" } };
  }

  due(): number {
    return 0;
  }

  stamp(_exchange: number, kind: string, at: Nanoseconds): void {
    if (kind === "sent") this.sentAt = at;
  }

  texts(): void {}

  ended(_exchange: number, at: Nanoseconds, ending: Ending): void {
    this.endedAt = at;
    this.ending = ending;
  }

  reading(): void {}

  asked(): Asked {
    return { ending: this.ending, took: toSeconds(this.endedAt - (this.sentAt ?? this.endedAt)) };
  }
}
