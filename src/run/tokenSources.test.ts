import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { attached, type AttachedOptions } from "../engines/attached.ts";
import { experiment } from "../model/experiment.ts";
import type { LimitChanges } from "../model/limits.ts";
import type { Request } from "../model/request.ts";
import type { RunningEngine } from "../model/running.ts";
import { documentQa } from "../workloads/documentQa.ts";
import type { PlannedExperiment } from "./planExperiments.ts";
import { countersFor, keptFor, lengthWarning, textWarning, type TokenSources } from "./tokenSources.ts";

const generator = documentQa({ contextTokens: 8_000, questionTokens: 192, documents: 1, requests: 2, outputTokens: 8 });
const workload = generator.generate(atOnce(), 0);

function planned(limits: LimitChanges = {}): PlannedExperiment {
  return {
    experiment: experiment({ workload: generator, arrivals: atOnce(), limits }),
    workload,
    hash: "",
    arrivals: { kind: "atOnce", options: {} },
    order: "together",
    laterBlocks: [],
    asText: false,
    askedBefore: [],
  };
}

function counting(tokens: number, usage: boolean | undefined): TokenSources {
  return { usage, tokenizer: { kind: "counts", ours: { words: 1_000, tokens }, count: async () => 1 } };
}

function warned(tokens: number, { limits, limit, ...options }: Partial<AttachedOptions> & { limits?: LimitChanges; limit?: string } = {}) {
  return lengthWarning(plain(limit, options), counting(tokens, true), [planned(limits)]);
}

function plain(limit?: string, options: Partial<AttachedOptions> = {}): RunningEngine {
  return {
    name: "plain",
    engine: attached({ url: "http://127.0.0.1:1", ...options }),
    reach: { kind: "http", url: "http://127.0.0.1:1", acceptAnyCertificate: false },
    facts: limit === undefined ? {} : { "context limit": limit },
    servedModel: "tiny",
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
}

test("text that becomes a tenth more or fewer tokens than asked for is told, and that it does not fit; less, or token ids, are not", () => {
  expect(warned(1_310)).toBe(
    "engine plain: a prompt asked to have 8,192 tokens will be about 10,700 of this engine's: 100 of our words are 131 of its tokens",
  );
  expect(warned(1_310, { limit: "8192 tokens" })).toContain("will be about 10,700 of this engine's, and it takes 8,192: ");
  expect(warned(850)).toContain("will be about 6,960 of this engine's");
  expect([1_100, 1_000, 900].map((tokens) => warned(tokens))).toEqual([undefined, undefined, undefined]);
  expect(warned(1_310, { api: "completions", tokenIds: true })).toBeUndefined();
  expect(warned(1_310, { limits: { promptLength: false } })).toBeUndefined();
});

test("texts are kept where usage is not known to come; of an engine with usage those are counted that later prompts contain", () => {
  const sources = new Map<string, TokenSources>([
    ["told", counting(1_000, true)],
    ["untold", counting(1_000, false)],
    ["unseen", counting(1_000, undefined)],
    ["mute", { usage: false, tokenizer: { kind: "silent", why: "/tokenize answers 404" } }],
  ]);
  expect([...keptFor(sources)]).toEqual(["untold", "unseen"]);
  expect([...countersFor(sources, { workload }).keys()]).toEqual(["untold", "unseen"]);
  const [first, second] = workload.requests;
  if (first === undefined || second === undefined) throw new Error("it has two requests");
  const again: Request = { ...second, messages: [{ role: "assistant", parts: [{ kind: "reply", request: first.id, source: "own" }] }] };
  expect([...countersFor(sources, { workload: { ...workload, requests: [first, again] } }).keys()]).toEqual(["told", "untold", "unseen"]);
});

test("of text of one's own it is the engine's tokenizer that says whether it fits, and else our count that it may not", async () => {
  const own = { ...planned(), asText: true };
  const warnedOf = async (tokens: number | undefined, limit: string) => {
    const count = async () => tokens ?? Promise.reject(new Error("it does not answer"));
    const sources: TokenSources = { usage: true, tokenizer: { kind: "counts", ours: { words: 1_000, tokens: 1_310 }, count } };
    expect(lengthWarning(plain(limit), sources, [own])).toBeUndefined();
    return textWarning(plain(limit), sources, [own], new AbortController().signal);
  };
  expect(await warnedOf(2_000, "4096 tokens")).toBeUndefined();
  expect(await warnedOf(4_090, "4096 tokens")).toBe(
    "engine plain takes 4,096 tokens; the longest request has 4,098 of its tokens with its answer",
  );
  expect(await warnedOf(undefined, "4096 tokens")).toMatch(/^engine plain takes 4,096 tokens, and text of one's own may have more: 8,200/);
  expect(await warnedOf(undefined, "8200 tokens")).toBeUndefined();
});
