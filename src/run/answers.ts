import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { askEngine } from "../launch/ask.ts";
import type { Clock } from "../model/host.ts";
import type { Answer, AskedTwice, CacheReuse, ProofCheck } from "../model/proof.ts";
import { partsOf, type Passage, type Request } from "../model/request.ts";
import type { RunningEngine } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import { attempts, unseenPrompt } from "./askedPrompt.ts";
import { askedBeside, type Beside } from "./besideCache.ts";
import type { PlannedEngine } from "./planEngines.ts";

const prompts = 3;
const answerTokens = 16;

/** Four chunks of LMCache and some, as long as every engine has room for it. */
const longest = 1_088;

/** An engine that does not answer by then is left alone: whether it works is seen elsewhere. */
const within: Seconds = 60;

/** Apart from those of the other probes. */
const firstOrdinal = 1_024;

/** What every engine of a test is asked, to see whether its cache changes what it says; nothing where nobody keeps anything. */
export function answerPrompts(engines: readonly PlannedEngine[], clock: Clock): readonly Request[] {
  const keeps = engines.some(({ engine, world }) => {
    const reuse = engine.claims?.(world).reuse;
    return reuse?.own === true || reuse?.external === true;
  });
  if (!keeps) return [];
  const room = Math.min(...engines.map(({ engine }) => engine.contextLimit ?? Infinity)) - answerTokens;
  if (room < answerTokens) return [];
  return Array.from({ length: prompts }, (_, index) => unseenPrompt(Math.min(longest, room), clock, firstOrdinal + index));
}

/** What an engine answered, and what of its caches could not be held against it. */
export interface Answers {
  /** Undefined where the engine does not answer whole. */
  readonly answers?: readonly AskedTwice[];
  readonly checks: readonly ProofCheck[];
}

/** Each prompt asked twice, one after the other and nothing beside it; where two caches keep it, a third time of the one that answers second. */
export async function answersOf(running: RunningEngine, requests: readonly Request[], { reuse, stop }: Answering): Promise<Answers> {
  const answers: AskedTwice[] = [];
  const unseen: string[] = [];
  for (const request of requests) {
    const first = await answerOf(running, request, stop);
    const again = first === undefined ? undefined : await askedAgain(running, request, { attempts: keeps(reuse) ? attempts : 1, stop });
    if (first === undefined || again === undefined) return { checks: [] };
    const tries = unseen.length === 0 ? attempts : 1; // what was waited for once in vain
    const beside = reuse.own && reuse.external ? await answeredBeside(running, request, { attempts: tries, stop }) : undefined;
    if (beside?.kind === "unseen") unseen.push(beside.why);
    answers.push({ first, again: beside?.kind === "seen" && !isUnlike(again, first) ? beside.reply : again });
  }
  return { ...(answers.length === 0 ? {} : { answers }), checks: unseen.slice(0, 1).map(notCompared) };
}

interface Answering {
  readonly reuse: CacheReuse;
  readonly stop: AbortSignal;
}

function keeps({ own, external }: CacheReuse): boolean {
  return own || external;
}

function notCompared(why: string): ProofCheck {
  return { what: "answers out of the cache beside the engine", wanted: "the same again", found: why, seen: "requests" };
}

/** Of two answers that are held against the first, one that is another is not hidden by one that is not. */
function isUnlike(answer: Answer, first: Answer): boolean {
  const areTold = answer.tokens !== undefined && first.tokens !== undefined;
  return areTold ? !isDeepStrictEqual(answer.tokens, first.tokens) : answer.text !== first.text;
}

interface Asking {
  readonly attempts: number;
  readonly stop: AbortSignal;
}

/** Until it is found in a cache. */
async function askedAgain(running: RunningEngine, request: Request, { attempts, stop }: Asking): Promise<Answer | undefined> {
  const answer = await answerOf(running, request, stop);
  if (answer?.cachedTokens !== 0 || attempts <= 1 || stop.aborted) return answer;
  await aSecond(stop);
  return askedAgain(running, request, { attempts: attempts - 1, stop });
}

/** Until it is found in the cache beside the engine. */
async function answeredBeside(running: RunningEngine, request: Request, { attempts, stop }: Asking): Promise<Beside<Answer>> {
  const beside = await askedBeside(running, async () => answerOf(running, request, stop));
  if (beside.kind === "seen" && beside.tokens > 0) return { ...beside, reply: { ...beside.reply, cachedTokens: beside.tokens } };
  if (attempts <= 1 || stop.aborted) return beside.kind === "unseen" ? beside : noneBeside;
  await aSecond(stop);
  return answeredBeside(running, request, { attempts: attempts - 1, stop });
}

const noneBeside = { kind: "unseen", why: "not seen: nothing of them came out of it" } as const;

/** Shorter where it is stopped: that is looked at by whoever asks again. */
async function aSecond(signal: AbortSignal): Promise<void> {
  await pause(1_000, undefined, { signal }).catch(() => {});
}

async function answerOf(running: RunningEngine, request: Request, signal: AbortSignal): Promise<Answer | undefined> {
  if (running.reach.kind !== "http") return undefined;
  const path = running.engine.wire.api === "chat" ? "/v1/chat/completions" : "/v1/completions";
  try {
    const { status, text } = await askEngine(running, { path, body: bodyOf(running, request), within, signal });
    return status === 200 ? parseAnswer(JSON.parse(text)) : undefined;
  } catch {
    return undefined; // nobody answered, or not in JSON
  }
}

function bodyOf({ engine: { wire }, servedModel }: RunningEngine, request: Request): object {
  const passages = partsOf(request).filter((part): part is Passage => part.kind === "passage");
  const text = passages.map((passage) => passage.text).join("");
  const ids = passages.flatMap(({ tokenIds }) => tokenIds.map((id) => id + wire.tokenIdOffset));
  return {
    model: servedModel,
    max_tokens: answerTokens,
    temperature: 0,
    ...(wire.api === "chat"
      ? { messages: [{ role: "user", content: text }], logprobs: true }
      : { prompt: wire.takesTokenIds ? ids : text, logprobs: 1 }),
    ...(wire.fixesLength ? { ignore_eos: true, min_tokens: answerTokens } : {}),
    ...wire.extraBody,
  };
}

/** Of a completion or a chat completion; undefined where it is neither. */
function parseAnswer(value: unknown): Answer | undefined {
  const [choice] = listIn(value, "choices");
  const text = textIn(choice, "text") ?? textIn(fieldOf(choice, "message"), "content");
  if (text === undefined) return undefined;
  const logprobs = fieldOf(choice, "logprobs");
  const tokens = [...listIn(logprobs, "tokens"), ...listIn(logprobs, "content").map((one) => fieldOf(one, "token"))].filter(
    (token) => typeof token === "string",
  );
  const cachedTokens = fieldOf(fieldOf(fieldOf(value, "usage"), "prompt_tokens_details"), "cached_tokens");
  return {
    text,
    ...(tokens.length === 0 ? {} : { tokens }),
    ...(typeof cachedTokens === "number" ? { cachedTokens } : {}),
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? new Map<string, unknown>(Object.entries(value)).get(name) : undefined;
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? list : [];
}

function textIn(value: unknown, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === "string" ? text : undefined;
}
