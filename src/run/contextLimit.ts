import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { RunningEngine } from "../model/running.ts";
import type { Workload } from "../model/workload.ts";

/** Of an experiment, what its lengths are known by. */
interface Sent {
  readonly experiment: { readonly title: string };
  readonly workload: Workload;
  readonly laterBlocks: readonly { readonly workload: Workload }[];
  /** Its lengths are those of our vocabulary, which takes an author's own text apart into bytes. */
  readonly asText: boolean;
}

/** Of the longest request, with its answer. */
export function longestTokens(workloads: readonly Workload[]): number {
  const lengths = workloads.flatMap(({ requests }) =>
    requests.map((request) => request.contextTokens + request.questionTokens + request.maxOutputTokens),
  );
  return lengths.reduce((most, length) => Math.max(most, length), 0);
}

/** Of the longest request of several experiments, with its answer. */
export function longestSent(sent: readonly Sent[]): number {
  return longestTokens(sent.flatMap(workloadsOf));
}

function workloadsOf({ workload, laterBlocks }: Sent): readonly Workload[] {
  return [workload, ...laterBlocks.map((block) => block.workload)];
}

/** Of the longest prompt, without its answer. */
export function longestPrompt(sent: readonly Sent[]): number {
  const requests = sent.flatMap(workloadsOf);
  const lengths = requests.flatMap((of) => of.requests.map(({ contextTokens, questionTokens }) => contextTokens + questionTokens));
  return lengths.reduce((most, length) => Math.max(most, length), 0);
}

/** What a server says of itself: "4096 tokens". */
export function toldLimit(facts: Readonly<Record<string, string>>): number | undefined {
  const told = Number.parseInt(facts["context limit"] ?? "", 10);
  return Number.isNaN(told) ? undefined : told;
}

/** What an engine takes as far as it, or its description, tells; else Infinity. */
export function limitOf({ engine, facts }: Pick<RunningEngine, "engine" | "facts">): number {
  return Math.min(engine.contextLimit ?? Infinity, toldLimit(facts) ?? Infinity);
}

/**
 * Throws where a request would not fit into what a server says that it takes: it would answer each such request with HTTP 400. How many tokens an author's
 * own text has nobody knows before its tokenizer has been asked.
 */
export function refuseTooLong(engine: string, limit: number | undefined, sent: readonly Sent[]): void {
  const known = sent.filter(({ asText }) => !asText);
  const lengths = known.map((one) => ({ title: one.experiment.title, tokens: longestTokens(workloadsOf(one)) }));
  const longer = limit === undefined ? [] : lengths.filter(({ tokens }) => tokens > limit);
  if (limit === undefined || longer.length === 0) return;
  const longest = Math.max(...longer.map(({ tokens }) => tokens));
  const titles = [...new Set(longer.map(({ title }) => title))].join("; ");
  const message = `engine ${engine} says that it takes ${grouped(limit)} tokens; the longest request has ${grouped(longest)} with its answer: ${titles}`;
  throw new HarnessError("engine-not-ready", message, { hint: "shorten the context, or raise the engine's limit" });
}

/** What is said of text that may not fit: engines make a third or a quarter as many tokens of most texts as they have bytes. */
export function doubtOnText(engine: string, limit: number | undefined, sent: readonly Sent[]): string | undefined {
  const texts = sent.filter(({ asText }) => asText);
  const longest = longestSent(texts);
  if (limit === undefined || longest <= limit) return undefined;
  return `engine ${engine} takes ${grouped(limit)} tokens, and text of one's own may have more: ${grouped(longest)} with its answer as the built-in vocabulary counts, mostly in bytes, of which engines make fewer`;
}
