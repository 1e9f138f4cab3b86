import type { SlottedService } from "../launch/neededServices.ts";
import type { CachesBefore } from "../model/experiment.ts";
import { grouped } from "../model/grouped.ts";
import type { CacheReuse, EngineProof, ProofCheck } from "../model/proof.ts";
import type { Request } from "../model/request.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { RunningEngine } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import type { Workload } from "../model/workload.ts";
import { PartNumbers } from "../workloads/partNumbers.ts";
import { asked, attempts, foundAgain, mostOfIt, unseenPrompt, untilFound, untold, type Asked, type Asker } from "./askedPrompt.ts";
import { foundBeside, untilFoundBeside } from "./besideCache.ts";
import { askingCounters } from "./countedHits.ts";
import type { PlannedBlock, PlannedExperiment } from "./planExperiments.ts";
import { reset, resetService } from "./resets.ts";

/** What a cache beside the engine stores later than that after a reply is not seen, where nothing tells when it has stored. */
const storesWithin: Seconds = 3;

/** The engines of a batch with what was proven of them. */
export interface Proven {
  readonly engines: readonly RunningEngine[];
  readonly askers: readonly Asker[];
  readonly proofs: readonly EngineProof[];
  readonly services: readonly SlottedService[];
  readonly tell: (event: RunEvent) => void;
}

/** Brings every engine's caches into the state that a block of an experiment asks for, one engine after the other. */
export async function bringAll(
  { experiment }: PlannedExperiment,
  index: number,
  { workload }: PlannedBlock,
  proven: Proven,
): Promise<void> {
  for (const [at, running] of proven.engines.entries()) {
    const asker = proven.askers[at];
    if (asker === undefined || asker.stop.aborted) continue;
    const { reuse } = proven.proofs.find(({ engine }) => engine === running.name) ?? {};
    const services = proven.services.filter(({ engines }) => engines.includes(running.name));
    const proof = await broughtTo(experiment.cacheState ?? "asItIs", workload, { running, reuse, asker, services, experiment: index });
    if (proof !== undefined) proven.tell({ kind: "proof", ...proof });
  }
}

export interface CachesOf {
  readonly running: RunningEngine;
  /** Beside it, which may keep something too. */
  readonly services?: readonly SlottedService[];
  /** What was found that it keeps; undefined where nobody knows. */
  readonly reuse: CacheReuse | undefined;
  readonly asker: Asker;
  readonly experiment: number;
}

/** Brings an engine's caches into the state an experiment asks for, and says whether they are in it. */
export async function broughtTo(state: CachesBefore, workload: Workload, caches: CachesOf): Promise<EngineProof | undefined> {
  const { running, reuse, experiment } = caches;
  const keepsNothing = reuse !== undefined && !reuse.own && !reuse.external;
  if (state === "asItIs" || keepsNothing) return undefined;
  const checks = state === "cold" ? await emptied(caches) : await primed(workload, caches);
  return { engine: running.name, experiment, checks, traits: [] };
}

/**
 * A prompt is stored first, and found: whatever was stored late before it is then stored too. After the reset it must not be found any more,
 * whatever the engine has answered to that.
 */
async function emptied(caches: CachesOf): Promise<readonly ProofCheck[]> {
  const { running, asker, reuse, experiment, services = [] } = caches;
  const prompt = unseenPrompt(1_088, asker.clock, 512 + experiment);
  const ask = askingCounters(running);
  await ask(asker, prompt);
  const stored = await untilFound(asker, prompt, { reuse: inOneCache(reuse), ask });
  if (stored.ending.cachedTokens === 0)
    return [{ ...emptying, found: "nothing was found even before: it keeps nothing that could be emptied" }];
  const late = (await isStored(caches, prompt, stored)) ? 0 : storesWithin;
  const answers: string[] = [];
  let after: Asked | undefined;
  for (let attempt = 0; attempt < attempts && !asker.stop.aborted; attempt++) {
    answers.push(await emptiedOnce(running, services));
    after = await ask(asker, prompt, Math.max(late, attempt === 0 ? 0 : 1));
    if (after.ending.cachedTokens === 0) break;
  }
  return [{ ...emptying, ...leftText(after?.ending.cachedTokens, answers) }];
}

/** What is left after so many resets, beside what the last of them answered. */
function leftText(cachedTokens: number | undefined, answers: readonly string[]): Pick<ProofCheck, "found" | "ok"> {
  const said = answers.at(-1) ?? "not asked";
  if (cachedTokens === undefined)
    return { found: `cold was asked for and could not be seen: neither its replies nor its metrics tell of hits (${said})` };
  if (cachedTokens > 0) return { found: `${grouped(cachedTokens)} tokens still found; ${said}`, ok: false };
  return { found: `not found after ${answers.length === 1 ? "one reset" : `${answers.length} resets`}`, ok: true };
}

/** An engine's own cache has it at once, or never whole. Of two caches replies do not tell who has how much. */
function inOneCache(reuse: CacheReuse | undefined): CacheReuse | undefined {
  return reuse?.own === true ? undefined : reuse;
}

/** Whether nothing is on its way any more into a cache beside the engine. False where that could not be seen. */
async function isStored({ running, asker, reuse }: CachesOf, prompt: Request, { ending }: Asked): Promise<boolean> {
  if (reuse === undefined) return false;
  if (!reuse.external) return true;
  if (!reuse.own) return isWhole(foundAgain(ending, reuse));
  const beside = await untilFoundBeside(running, { asker, prompt, reuse });
  return beside.kind === "seen" && isWhole(foundBeside(beside, reuse));
}

function isWhole({ ok, partly }: ReturnType<typeof foundAgain>): boolean {
  return ok === true && partly !== true;
}

/** From the engine downwards: what passes on what it has must not fill a tier that was emptied before it. Returns what all of them answered. */
async function emptiedOnce(running: RunningEngine, services: readonly SlottedService[]): Promise<string> {
  const said = [await reset(running)];
  for (const service of services.toReversed()) said.push(...(await resetService(service)));
  return said.join("; ");
}

const emptying = { what: "caches emptied beforehand", wanted: "a prompt that was stored is not found any more", seen: "requests" } as const;

/** Every context is asked about once, with an answer of one token and no question: then all of them can be reused. */
async function primed(workload: Workload, { asker, reuse }: CachesOf): Promise<readonly ProofCheck[]> {
  const contexts = contextsOf(workload);
  for (const context of contexts) await asked(asker, context);
  const last = contexts.at(-1);
  if (last === undefined) return [];
  const found = await untilFound(asker, last, { reuse });
  const { cachedTokens } = found.ending;
  const what = `${grouped(contexts.length)} ${contexts.length === 1 ? "context" : "contexts"} asked about beforehand`;
  const most = mostOfIt(found.ending, reuse);
  const wanted = `the last of them is found again${most === undefined ? "" : `, ${grouped(most)} tokens`}`;
  const check = { what, wanted, seen: "requests" } as const;
  if (cachedTokens === undefined) return [{ ...check, found: untold(found) }];
  return [
    {
      ...check,
      found: `${grouped(cachedTokens)} of ${grouped(found.ending.promptTokens ?? 0)} tokens`,
      ...foundAgain(found.ending, reuse),
    },
  ];
}

/** A prompt that holds a reply cannot be asked before that reply is there. */
function isAlone({ messages }: Request): boolean {
  return messages.every(({ parts }) => parts.every(({ kind }) => kind === "passage"));
}

/** Each one once, in the order in which they come first; without those with which another begins, since that one fills caches with them too. */
export function contextsOf({ requests }: Workload): readonly Request[] {
  const numbers = new PartNumbers();
  const byKey = new Map<string, Request>();
  for (const context of requests.filter(isAlone).map(contextAlone)) {
    const key = keyOf(context, numbers);
    if (!byKey.has(key)) byKey.set(key, context);
  }
  const keys = [...byKey.keys()].sort();
  const begun = new Set(keys.filter((key, index) => keys[index + 1]?.startsWith(key) === true));
  return [...byKey].filter(([key]) => !begun.has(key)).map(([, context]) => context);
}

/** Begins with the key of whatever the context begins with. */
function keyOf({ messages }: Request, numbers: PartNumbers): string {
  return messages.map(({ role, parts }) => `${role}:${parts.map((part) => `${numbers.numberOf(part)},`).join("")}`).join("");
}

/** Without the last passage of its last message, the question, where there is anything before it. */
function contextAlone(request: Request): Request {
  const last = request.messages.at(-1);
  const before = request.messages.slice(0, -1);
  const parts = last?.parts.slice(0, -1) ?? [];
  if (last === undefined || (before.length === 0 && parts.length === 0)) return { ...request, maxOutputTokens: 1 };
  return { ...request, messages: parts.length === 0 ? before : [...before, { ...last, parts }], maxOutputTokens: 1 };
}
