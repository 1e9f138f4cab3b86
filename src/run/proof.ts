import { logSize } from "../launch/lastLines.ts";
import { complaints, lineWith, logOf, told } from "../launch/traits.ts";
import { askedTwice, cacheTolerance } from "../measure/proofs.ts";
import { tokensAdded } from "../measure/tokensAdded.ts";
import type { EngineClaims, World } from "../model/engine.ts";
import type { Ending } from "../model/exchange.ts";
import { grouped } from "../model/grouped.ts";
import type { CacheReuse, EngineProof, ProofCheck, Trait } from "../model/proof.ts";
import type { Request } from "../model/request.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Metric } from "../probes/parseMetrics.ts";
import { answersOf } from "./answers.ts";
import { asked, foundAgain, mostOfIt, unseenPrompt, untilFound, untold, type Asked, type Asker } from "./askedPrompt.ts";
import { foundBeside, untilFoundBeside } from "./besideCache.ts";
import { limitOf } from "./contextLimit.ts";
import { metricsOf } from "./countedHits.ts";
import { tokenChecks, type TokenSourcesOf } from "./tokenSources.ts";
import { toldIfSlow } from "./unmeasured.ts";

/** How engines tell the size of their KV blocks, by the name of that trait. */
const kvBlock = "KV block";

/** Of caches beside an engine: where none was asked for, one of these must not be found either. */
const commonPiece = 256;

const nothing: EngineClaims = { traits: [] };

export interface ProvingOptions {
  readonly tell: (event: RunEvent) => void;
  readonly prompts: readonly Request[];
  /** What has been found out already of who counts their tokens. */
  readonly tokens: TokenSourcesOf;
}

/** One engine after the other: a probe of one must not slow the other's. */
export async function proveAll(
  engines: readonly RunningEngine[],
  worlds: Readonly<Record<string, World>>,
  askers: readonly Asker[],
  { tell, prompts, tokens }: ProvingOptions,
): Promise<readonly EngineProof[]> {
  const proofs: EngineProof[] = [];
  for (const [ordinal, running] of engines.entries()) {
    const [world, asker] = [worlds[running.name], askers[ordinal]];
    if (world === undefined || asker === undefined || asker.stop.aborted) continue;
    const slow = () => tell({ kind: "proving", engine: running.name });
    const proof = await toldIfSlow(slow, async () => {
      const found = await prove(running, world, asker, ordinal);
      const { reuse } = found;
      const answered = reuse === undefined ? undefined : await answersOf(running, prompts, { reuse, stop: asker.stop });
      const checks = [...found.checks, ...tokenChecks(tokens.get(running.name)), ...(answered?.checks ?? [])];
      return { ...found, checks, ...(answered?.answers === undefined ? {} : { answers: answered.answers }) };
    });
    proofs.push(proof);
    tell({ kind: "proof", ...proof });
  }
  return proofs;
}

/** Whether an engine that is up is what was asked for: what it tells of itself, and whether it finds again what it should, and only that. */
export async function prove(running: RunningEngine, world: World, asker: Asker, ordinal: number): Promise<EngineProof> {
  const claims = running.engine.claims?.(world) ?? nothing;
  const metrics = await metricsOf(running);
  const { traits, checks } = told(running, claims, metrics);
  const reuse = reuseAsFound(claims, traits, blockIn(metrics, running));
  if (reuse === undefined) return { engine: running.name, checks, traits };
  const probed = await probeCache(reuse, running, asker, ordinal);
  // Some only complain once they are at work.
  const late = complaints(claims, logOf(running)).filter(({ found }) => !checks.some((check) => check.found === found));
  const all = [...checks, ...probed.checks, ...late];
  return { engine: running.name, checks: all, traits, reuse: { ...reuse, ...(probed.toldHits ? { toldHits: true } : {}) } };
}

/**
 * What engines complain of in their logs from now until it is asked: one may lose its cache, make every request wait for it, and answer all
 * the same.
 */
export function complaintsFromNow(
  engines: readonly RunningEngine[],
  worlds: Readonly<Record<string, World>>,
): (experiment: number) => readonly EngineProof[] {
  const listened = engines.map((running) => ({ running, from: (running.logs ?? []).map(logSize) }));
  return (experiment) =>
    listened.flatMap(({ running, from }) => {
      const world = worlds[running.name];
      const claims = world === undefined ? undefined : running.engine.claims?.(world);
      const log = logOf(running, from);
      const checks = complaints(claims ?? nothing, log).map(whileMeasured);
      const wasFull = claims?.full === undefined ? undefined : lineWith(claims.full, log);
      if (checks.length === 0 && wasFull === undefined) return [];
      return [{ engine: running.name, experiment, checks, traits: [], ...(wasFull === undefined ? {} : { wasFull }) }];
    });
}

function whileMeasured(check: ProofCheck): ProofCheck {
  return { ...check, what: `${check.what}, while it was measured` };
}

/** What it says of itself goes before what its description supposes. */
function reuseAsFound({ reuse }: EngineClaims, traits: readonly Trait[], onPage: number | undefined): CacheReuse | undefined {
  if (reuse === undefined) return undefined;
  const found = (what: string) => traits.find((trait) => trait.what === what)?.found;
  const caching = found("prefix caching");
  const block = wholeIn(found(kvBlock)) ?? (reuse.own ? onPage : undefined);
  // A cache beside it that keeps the engine's own blocks keeps those that it really has.
  const both = reuse.externalPiece !== undefined && reuse.externalPiece === reuse.ownPiece;
  return {
    ...reuse,
    own: caching === undefined ? reuse.own : caching === "on",
    ...(block === undefined ? {} : { ownPiece: block, ...(both ? { externalPiece: block } : {}) }),
  };
}

function wholeIn(text = ""): number | undefined {
  const whole = Number.parseInt(text, 10);
  return Number.isNaN(whole) ? undefined : whole;
}

/** Of an engine that nobody has described: what its page says, if it is one whose page does. */
function blockIn(metrics: readonly Metric[], { engine }: RunningEngine): number | undefined {
  const { block } = engine.metrics ?? {};
  if (block === undefined) return undefined;
  return wholeIn(metrics.find(({ name, labels }) => name === block.name && labels[block.label] !== undefined)?.labels[block.label]);
}

interface Probed {
  readonly checks: readonly ProofCheck[];
  /** By the reply itself. */
  readonly toldHits: boolean;
}

/** Two identical requests of some pieces' length: the second is found in a cache where one was asked for, and not where none was. */
async function probeCache(reuse: CacheReuse, running: RunningEngine, asker: Asker, ordinal: number): Promise<Probed> {
  const piece = Math.max(reuse.ownPiece ?? 0, reuse.externalPiece ?? 0, commonPiece);
  const prompt = unseenPrompt(Math.min(4 * piece + 64, longestPrompt(running)), asker.clock, ordinal);
  const first = await asked(asker, prompt);
  const wantsHit = reuse.own || reuse.external;
  const second = wantsHit ? await untilFound(asker, prompt, { reuse }) : await asked(asker, prompt);
  const repeated = wantsHit ? hitCheck(reuse, { first, second, prompt }) : missCheck(first, second);
  const { cachedTokens = 0 } = second.ending;
  return { checks: [repeated, ...(await besideCheck(reuse, running, asker, prompt))], toldHits: cachedTokens > 0 };
}

/** With room for an answer; `Infinity` where no limit is known. */
function longestPrompt(running: RunningEngine): number {
  return limitOf(running) - 8;
}

const asking = { what: askedTwice, seen: "requests" } as const;

interface AskedBoth {
  readonly first: Asked;
  readonly second: Asked;
  readonly prompt: Request;
}

function hitCheck(reuse: CacheReuse, { first, second, prompt }: AskedBoth): ProofCheck {
  const most = mostOfIt(second.ending, reuse);
  const wanted = `found in the cache${most === undefined ? "" : `, ${grouped(most)} tokens`}`;
  if (second.ending.cachedTokens === undefined) return { ...asking, wanted, found: untold(second) };
  const found = foundText(first, second);
  if (!isToldAtOnce(first.ending, second.ending, prompt)) return { ...asking, wanted, found, ...foundAgain(second.ending, reuse) };
  const anew = `${wanted}, and nothing of it before`;
  return { ...asking, wanted: anew, found: `${grouped(first.ending.cachedTokens ?? 0)} when nobody had seen it, then ${found}`, ok: false };
}

/**
 * Whether a prompt that nobody had seen was told as cached: such an engine tells hits whatever it does. What a template adds to it others have sent before;
 * where that is not known, it is well below half of it.
 */
function isToldAtOnce({ cachedTokens = 0, promptTokens = 0 }: Ending, second: Ending, prompt: Request): boolean {
  const added = tokensAdded({ ...prompt, promptTokens });
  const tolerance = cacheTolerance * promptTokens;
  const isKnown = promptTokens === prompt.contextTokens + prompt.questionTokens;
  return cachedTokens > (isKnown ? tolerance : Math.max(added + tolerance, (second.cachedTokens ?? 0) / 2));
}

function missCheck(first: Asked, second: Asked): ProofCheck {
  const wanted = "computed anew, no cached tokens";
  const { cachedTokens } = second.ending;
  if (cachedTokens === undefined) return { ...asking, wanted, found: untold(second) };
  return { ...asking, wanted, found: foundText(first, second), ok: cachedTokens === 0 };
}

function foundText(first: Asked, second: Asked): string {
  const { cachedTokens = 0, promptTokens = 0 } = second.ending;
  return `${grouped(cachedTokens)} of ${grouped(promptTokens)} tokens cached; answered in ${seconds(first)}, then ${seconds(second)}`;
}

function seconds({ took }: Asked): string {
  return `${took.toFixed(took < 1 ? 3 : 1)} s`;
}

/** The cache beside the engine's own must have what was stored: all of it, sooner or later. */
async function besideCheck(reuse: CacheReuse, running: RunningEngine, asker: Asker, prompt: Request): Promise<readonly ProofCheck[]> {
  if (!reuse.own || !reuse.external) return [];
  const check = { what: "the cache beside the engine", wanted: "a hit", seen: "requests" } as const;
  const beside = await untilFoundBeside(running, { asker, prompt, reuse });
  if (beside.kind === "unseen") return [{ ...check, found: beside.why }];
  const most = mostOfIt(beside.reply, { ...reuse, own: false });
  const found =
    beside.tokens > 0
      ? `${grouped(beside.tokens)} tokens, once the engine's own cache was emptied`
      : "none, though the engine's own cache was emptied";
  return [{ ...check, wanted: `a hit${most === undefined ? "" : `, ${grouped(most)} tokens`}`, found, ...foundBeside(beside, reuse) }];
}
