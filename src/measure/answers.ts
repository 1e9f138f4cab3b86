import type { ValidityReason } from "../model/figures.ts";
import { grouped } from "../model/grouped.ts";
import type { Answer, AskedTwice, EngineProof } from "../model/proof.ts";
import type { TestResult } from "../model/result.ts";
import { known } from "./known.ts";
import { differences } from "./proofs.ts";
import { sumOf } from "./sums.ts";

/** Where an answer leaves another one. */
export interface Departure {
  /** From 1, in the order in which the prompts were asked. */
  readonly prompt: number;
  /** From 1: the first token, or character where the engine does not tell tokens, that is another one. */
  readonly at: number;
  /** In the longer of the two. */
  readonly of: number;
  readonly unit: "token" | "character";
  /** Missing where the answer had ended. */
  readonly said?: string;
  readonly insteadOf?: string;
}

/** One engine's answers, held against its own earlier ones, or against the baseline's. */
export interface ComparedAnswers {
  readonly engine: string;
  /** Undefined: its own, to the same prompts before. */
  readonly baseline?: string;
  readonly prompts: number;
  /** Of the prompts that were asked again, those tokens that came out of a cache. */
  readonly cachedTokens: number;
  readonly departures: readonly Departure[];
  /** False where answers may differ for other reasons: engines that are unlike, or a baseline that does not repeat itself. */
  readonly isJudged: boolean;
}

/** Every engine's second answers against its first ones, then its first ones against the baseline's. */
export function comparedAnswers(result: TestResult): readonly ComparedAnswers[] {
  const asked = (result.proofs ?? []).flatMap((proof) => (proof.answers === undefined ? [] : [{ ...proof, answers: proof.answers }]));
  const own = asked.map(againstItself);
  const base = asked.find(({ engine }) => engine === result.description.baseline);
  if (base === undefined) return own;
  const repeats = base.answers.every(({ first, again }, index) => departureOf(again, first, index).length === 0);
  const others = asked.filter(({ engine }) => engine !== base.engine);
  return [...own, ...others.map((other) => against(base, other, repeats && areAlike([base, other], result)))];
}

/** What is held against a run: see `limits.answers`. */
export interface DifferingAnswers extends Pick<ValidityReason, "what" | "advice" | "engine"> {
  readonly share: number;
}

export function differingAnswers(result: TestResult): readonly DifferingAnswers[] {
  return comparedAnswers(result)
    .filter(({ departures, isJudged }) => isJudged && departures.length > 0)
    .map((compared) => ({
      share: compared.departures.length / compared.prompts,
      what: `answered ${grouped(compared.departures.length)} of ${grouped(compared.prompts)} prompts otherwise ${than(compared)}: ${departureText(compared.departures[0])}`,
      advice: adviceFor(compared, result),
      engine: compared.engine,
    }));
}

/** "prompt 2 from token 5 of 16 on (" the" instead of " a")" */
export function departureText(departure: Departure | undefined): string {
  if (departure === undefined) return "";
  const { prompt, at, of, unit, said, insteadOf } = departure;
  return `prompt ${prompt} from ${unit} ${at} of ${of} on (${quoted(said)} instead of ${quoted(insteadOf)})`;
}

type WithAnswers = EngineProof & { readonly answers: readonly AskedTwice[] };

function againstItself({ engine, answers }: WithAnswers): ComparedAnswers {
  return {
    engine,
    prompts: answers.length,
    cachedTokens: cachedIn(answers),
    departures: answers.flatMap(({ first, again }, index) => departureOf(again, first, index)),
    isJudged: true,
  };
}

function against(base: WithAnswers, other: WithAnswers, isJudged: boolean): ComparedAnswers {
  const pairs = other.answers.flatMap(({ first }, index) => {
    const theirs = base.answers[index]?.first;
    return theirs === undefined ? [] : [departureOf(first, theirs, index)];
  });
  return {
    engine: other.engine,
    baseline: base.engine,
    prompts: pairs.length,
    cachedTokens: cachedIn(other.answers),
    departures: pairs.flat(),
    isJudged,
  };
}

/** Whoever computes in another way rounds in another way; keeping cache is what must not change an answer. */
function areAlike(two: readonly EngineProof[], result: TestResult): boolean {
  const named = result.description.engines.filter(({ name }) => two.some(({ engine }) => engine === name));
  const of = { ...result, proofs: two };
  return new Set(named.map(({ model }) => model)).size < 2 && differences(of).every(({ what }) => ofCaches.has(what));
}

/** Traits in which engines differ when one of them keeps cache and the other does not. */
const ofCaches: ReadonlySet<string> = new Set(["prefix caching", "KV connector", "LMCache", "KV pool", "KV block"]);

function departureOf(answer: Answer, from: Answer, index: number): readonly Departure[] {
  const [unit, pieces, before] =
    answer.tokens === undefined || from.tokens === undefined
      ? (["character", Array.from(answer.text), Array.from(from.text)] as const)
      : (["token", answer.tokens, from.tokens] as const);
  const longer = pieces.length > before.length ? pieces : before;
  const at = longer.findIndex((_, place) => pieces[place] !== before[place]);
  if (at < 0) return [];
  return [known({ prompt: index + 1, at: at + 1, of: longer.length, unit, said: pieces[at], insteadOf: before[at] })];
}

function cachedIn(answers: readonly AskedTwice[]): number {
  return sumOf(answers, ({ again }) => again.cachedTokens ?? 0);
}

function than({ baseline, cachedTokens }: ComparedAnswers): string {
  if (baseline !== undefined) return `than ${baseline}`;
  return cachedTokens > 0 ? "once its cache had them" : "when asked again, with nothing out of a cache";
}

function adviceFor({ engine, baseline, cachedTokens }: ComparedAnswers, { proofs = [] }: TestResult): string {
  if (baseline === undefined && cachedTokens === 0)
    return "ask for arithmetic that repeats itself (float32, or VLLM_BATCH_INVARIANT=1): until then nothing can be said of anybody's answers";
  const engines = proofs.filter((proof) => proof.engine === engine || proof.engine === baseline);
  if (engines.every(({ traits }) => traits.some(({ what, found }) => what === "dtype" && found === "float32")))
    return "they compute in float32, so rounding is hardly why: the cache gives back something else than was stored, and its speed is worth nothing";
  return "a cache that gives back what was stored changes no answer, but rounding may: run the engines in float32, and if they still differ, it gives back something else and its speed is worth nothing";
}

function quoted(text: string | undefined): string {
  return text === undefined ? "nothing" : JSON.stringify(text);
}
