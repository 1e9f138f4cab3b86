import { askEngine } from "../launch/ask.ts";
import { reason } from "../launch/readiness.ts";
import type { TokenizerQuestion } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import type { RunningEngine } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import { words } from "../model/words.ts";

/** Whether an engine's tokenizer lets itself be asked. */
export type Tokenizer =
  | { readonly kind: "counts"; readonly ours: Ours; readonly count: Count }
  | { readonly kind: "silent"; readonly why: string }
  /** Nobody knows how to ask it. */
  | { readonly kind: "none" };

/** Tokens of a text; rejects where there is no answer. */
export type Count = (text: string, signal: AbortSignal) => Promise<number>;

/** So many of our words are so many of its tokens. */
export interface Ours {
  readonly words: number;
  readonly tokens: number;
}

/** It takes milliseconds; an engine that does not answer by then is measured without. */
const within: Seconds = 5;

/** No tokenizer makes fewer tokens of our words; and none makes more of a text than it has bytes, but for some around it. */
const leastOfAWord = 0.1;
const around = 16;

/** The first of its questions that it answers properly: with tokens of our whole vocabulary, and with about half of them for half of it. */
export async function tokenizerOf(running: RunningEngine, signal: AbortSignal): Promise<Tokenizer> {
  const { engine, reach } = running;
  if (reach.kind === "line" || engine.tokenizer === undefined) return { kind: "none" };
  let why = "it was not asked";
  for (const question of engine.tokenizer) {
    const count: Count = async (text, until) => answered(running, question, text, until);
    try {
      return { kind: "counts", ours: await oursIn(count, signal), count };
    } catch (error) {
      why = `${question.path} ${error instanceof Unanswered ? error.message : `does not answer (${reason(error)})`}`;
      // Whoever does not answer one question in time would hold up the next one as well.
      if (!(error instanceof Unanswered)) break;
    }
  }
  return { kind: "silent", why };
}

class Unanswered extends Error {}

async function answered(running: RunningEngine, question: TokenizerQuestion, text: string, signal: AbortSignal): Promise<number> {
  const body = question.body(text, running.servedModel);
  const { status, text: answer } = await askEngine(running, { path: question.path, body, within, signal });
  if (status !== 200) throw new Unanswered(`answers ${status}`);
  const tokens = question.tokensIn(parsed(answer));
  if (tokens === undefined || tokens > Buffer.byteLength(text) + around) throw new Unanswered("answers with something else than tokens");
  return tokens;
}

async function oursIn(count: Count, signal: AbortSignal): Promise<Ours> {
  const tokens = await count(textOf(words), signal);
  const half = words.slice(0, words.length >> 1);
  const ofHalf = await count(textOf(half), signal);
  const isPlausible = tokens >= words.length * leastOfAWord && ofHalf > tokens * 0.25 && ofHalf < tokens * 0.75;
  if (isPlausible) return { words: words.length, tokens };
  throw new Unanswered(
    `answers with ${grouped(tokens)} tokens for ${grouped(words.length)} words, and with ${grouped(ofHalf)} for ${grouped(half.length)}`,
  );
}

/** As prompts have them: each with the space before it. */
function textOf(some: readonly string[]): string {
  return some.map((word) => ` ${word}`).join("");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
