import type { Ending } from "../model/exchange.ts";
import { grouped } from "../model/grouped.ts";
import type { CacheReuse } from "../model/proof.ts";
import type { Request } from "../model/request.ts";
import type { RunningEngine } from "../model/running.ts";
import { asked, attempts, foundAgain, type Asker } from "./askedPrompt.ts";
import { countedHits, hitsSince, type CountedHits } from "./countedHits.ts";
import { resetOwn } from "./resets.ts";

/** What came out of the cache beside an engine once the engine's own was emptied, or why that was not seen. */
export type Beside<Reply> =
  | { readonly kind: "seen"; readonly reply: Reply; readonly tokens: number }
  | { readonly kind: "unseen"; readonly why: string };

/** Where both keep something, the engine's own cache answers first: it is emptied alone, and a prompt that was stored is asked again. */
export async function askedBeside<Reply extends { readonly cachedTokens?: number | undefined }>(
  running: RunningEngine,
  ask: () => Promise<Reply | undefined>,
): Promise<Beside<Reply>> {
  if (!(await resetOwn(running)))
    return { kind: "unseen", why: "not seen: the engine's own cache answers first, and it is not to be emptied alone" };
  const before = await countedHits(running);
  const reply = await ask();
  if (reply === undefined) return { kind: "unseen", why: "not seen: it was not answered" };
  const tokens = tokensBeside(running, reply.cachedTokens, await hitsSince(before, running));
  return typeof tokens === "number" ? { kind: "seen", reply, tokens } : { kind: "unseen", why: tokens };
}

/** `usage` does not say whose hits it tells: it is believed where the engine's own cache can have had nothing. */
function tokensBeside(running: RunningEngine, cachedTokens: number | undefined, { own, external }: CountedHits): number | string {
  if (external !== undefined) return external;
  if (cachedTokens === undefined) return "neither its replies nor its metrics tell of it";
  if (cachedTokens === 0 || own === 0 || resetIsTold(running)) return cachedTokens;
  return `not seen: its replies tell ${grouped(cachedTokens)} cached tokens, and nothing says that they are not of its own cache`;
}

function resetIsTold({ engine, resetCaches }: RunningEngine): boolean {
  return resetCaches !== undefined || engine.resets?.ownIsTold === true;
}

export interface Stored {
  readonly asker: Asker;
  /** Asked before. */
  readonly prompt: Request;
  readonly reuse: CacheReuse;
}

/** Asked again, a second apart, until the cache beside the engine has all of it that it can have; else the most that it had. */
export async function untilFoundBeside(running: RunningEngine, { asker, prompt, reuse }: Stored): Promise<Beside<Ending>> {
  let best: Beside<Ending> | undefined;
  for (let attempt = 0; attempt < attempts && !asker.stop.aborted; attempt++) {
    const next = await askedBeside(running, async () => (await asked(asker, prompt, attempt === 0 ? 0 : 1)).ending);
    best = best === undefined || rank(next) > rank(best) ? next : best;
    if (best.kind === "seen" && canHaveNoMore(foundBeside(best, reuse))) break;
  }
  return best ?? { kind: "unseen", why: "not seen: it was not asked" };
}

/** The most that was seen; what was not seen once, beside nothing at another time, may have been there: stores are late. */
function rank(beside: Beside<Ending>): number {
  return beside.kind === "seen" ? beside.tokens : 0.5;
}

/** What the cache beside an engine had of a prompt, held against what it can have. */
export function foundBeside(
  { reply, tokens }: Extract<Beside<Ending>, { kind: "seen" }>,
  reuse: CacheReuse,
): ReturnType<typeof foundAgain> {
  return foundAgain({ ...reply, cachedTokens: tokens }, { ...reuse, own: false });
}

function canHaveNoMore({ ok, partly }: ReturnType<typeof foundAgain>): boolean {
  return ok !== false && partly !== true;
}
