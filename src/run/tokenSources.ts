import { grouped } from "../model/grouped.ts";
import { limits } from "../measure/validityLimits.ts";
import type { ProofCheck } from "../model/proof.ts";
import { partsOf, type Request } from "../model/request.ts";
import type { RunningEngine } from "../model/running.ts";
import { doubtOnText, limitOf, longestPrompt } from "./contextLimit.ts";
import type { PlannedExperiment } from "./planExperiments.ts";
import { tokenizerOf, type Count, type Ours, type Tokenizer } from "./tokenizer.ts";

/** Who can say how many tokens an engine generated: found out before anything is measured. */
export interface TokenSources {
  /** Whether its streams carry usage; undefined where none came to its end. */
  readonly usage: boolean | undefined;
  readonly tokenizer: Tokenizer;
}

export type TokenSourcesOf = ReadonlyMap<string, TokenSources>;

/** One engine after the other, as all that is asked of them before they are measured. */
export async function tokenSources(
  engines: readonly RunningEngine[],
  usage: ReadonlyMap<string, boolean>,
  signal: AbortSignal,
): Promise<TokenSourcesOf> {
  const found = new Map<string, TokenSources>();
  for (const running of engines) {
    if (running.reach.kind === "line" || signal.aborted) continue;
    found.set(running.name, { usage: usage.get(running.name), tokenizer: await tokenizerOf(running, signal) });
  }
  return found;
}

/** Engines whose replies do not say themselves how many tokens they have, and whose tokenizer can: their texts are kept for it. */
export function keptFor(sources: TokenSourcesOf): ReadonlySet<string> {
  return new Set([...sources].filter(([, { usage, tokenizer }]) => usage !== true && tokenizer.kind === "counts").map(([name]) => name));
}

/** By engine, what counts its whole replies to an experiment: of all whose texts are kept, be it because later prompts contain them. */
export function countersFor(sources: TokenSourcesOf, { workload }: Pick<PlannedExperiment, "workload">): ReadonlyMap<string, Count> {
  const kept = keptFor(sources);
  const keepsAll = workload.requests.some((request) => partsOf(request).some(({ kind }) => kind === "reply"));
  return new Map(
    [...sources].flatMap(([name, { tokenizer }]) =>
      tokenizer.kind === "counts" && (keepsAll || kept.has(name)) ? [[name, tokenizer.count]] : [],
    ),
  );
}

/** For the proof: what was found, and what follows from it. */
export function tokenChecks(sources: TokenSources | undefined): readonly ProofCheck[] {
  if (sources === undefined) return [];
  return [usageCheck(sources), ...tokenizerCheck(sources.tokenizer)];
}

function usageCheck({ usage, tokenizer }: TokenSources): ProofCheck {
  const check = { what: "usage in its replies", wanted: "output tokens", seen: "requests" } as const;
  if (usage === true) return { ...check, found: "told", ok: true };
  const without = usage === false ? "none" : "not seen: no reply came to its end";
  const instead = tokenizer.kind === "counts" ? "its tokenizer counts whole replies after each experiment" : "one token for each event";
  return { ...check, found: `${without}; instead ${instead}` };
}

function tokenizerCheck(tokenizer: Tokenizer): readonly ProofCheck[] {
  const check = { what: "tokenizer", wanted: "counts our words", seen: "requests" } as const;
  switch (tokenizer.kind) {
    case "counts":
      return [{ ...check, found: `asked; ${per100(tokenizer.ours)}`, ok: true }];
    case "silent":
      return [{ ...check, found: `cannot be asked: ${tokenizer.why}` }];
    case "none":
      return [];
  }
}

function per100({ words, tokens }: Ours): string {
  return `100 of our words are ${Math.round((100 * tokens) / words)} of its tokens`;
}

/** Where prompts go as text, and will be longer or shorter than their experiment says: before they are sent. */
export function lengthWarning(
  running: RunningEngine,
  sources: TokenSources | undefined,
  experiments: readonly PlannedExperiment[],
): string | undefined {
  const { name, engine } = running;
  const sendsIds = engine.wire.takesTokenIds && engine.wire.api === "completions";
  if (sendsIds || sources?.tokenizer.kind !== "counts") return undefined;
  const { ours } = sources.tokenizer;
  const minded = experiments.filter(({ experiment, asText }) => experiment.limits?.promptLength !== false && !asText);
  if (minded.length === 0 || Math.abs(ours.tokens - ours.words) <= ours.words * limits.promptLength.degraded) return undefined;
  const asked = longestPrompt(minded);
  const there = Number(((asked * ours.tokens) / ours.words).toPrecision(3));
  const limit = limitOf(running);
  const beyond = there > limit ? `, and it takes ${grouped(limit)}` : "";
  return `engine ${name}: a prompt asked to have ${grouped(asked)} tokens will be about ${grouped(there)} of this engine's${beyond}: ${per100(ours)}`;
}

/** Where an author's own text does not fit into what an engine takes, or may not: its tokenizer knows, where it can be asked. */
export async function textWarning(
  running: RunningEngine,
  sources: TokenSources | undefined,
  experiments: readonly PlannedExperiment[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, engine } = running;
  const limit = limitOf(running);
  const longest = longestText(experiments.filter(({ asText }) => asText));
  if (longest === undefined || limit === Infinity || engine.simulated) return undefined;
  const doubt = doubtOnText(name, limit, experiments);
  if (sources?.tokenizer.kind !== "counts") return doubt;
  const tokens = await sources.tokenizer.count(longest.text, signal).catch(() => undefined);
  if (tokens === undefined) return doubt;
  const there = tokens + longest.maxOutputTokens;
  return there > limit
    ? `engine ${name} takes ${grouped(limit)} tokens; the longest request has ${grouped(there)} of its tokens with its answer`
    : undefined;
}

/** Of prompts that are text, the longest one, with how many tokens may follow it. Replies in it are not there yet. */
function longestText(experiments: readonly PlannedExperiment[]): { readonly text: string; readonly maxOutputTokens: number } | undefined {
  const requests = experiments
    .flatMap(({ workload, laterBlocks }) => [workload, ...laterBlocks.map((block) => block.workload)])
    .flatMap((workload) => workload.requests);
  const lengthOf = (request: Request) => textsOf(request).reduce((sum, { length }) => sum + length, 0);
  const [first] = requests;
  if (first === undefined) return undefined;
  let longest = { request: first, length: lengthOf(first) };
  for (const request of requests) {
    const length = lengthOf(request);
    if (length > longest.length) longest = { request, length };
  }
  return { text: textsOf(longest.request).join(""), maxOutputTokens: longest.request.maxOutputTokens };
}

function textsOf(request: Request): readonly string[] {
  return partsOf(request).flatMap((part) => (part.kind === "passage" ? part : part.scripted)?.text ?? []);
}
