import { expect, test } from "vitest";
import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { poisson } from "../arrivals/poisson.ts";
import { experiment, type ExperimentOptions } from "../model/experiment.ts";
import { cacheState, type Request } from "../model/request.ts";
import { passage } from "../model/vocabulary.ts";
import type { Arrivals, WorkloadGenerator } from "../model/workload.ts";
import { blocksOf, SentPrompts } from "./blocks.ts";
import { documentQa } from "./documentQa.ts";

const questions = documentQa({ contextTokens: 64, questionTokens: 4, documents: 2, requests: 4, pick: "random" });

function blocks(options: Partial<ExperimentOptions>): readonly (readonly Request[])[] {
  return blocksOf(experiment({ workload: questions, arrivals: every({ seconds: 1 }), ...options })).map(({ requests }) => requests);
}

function tokensOf({ messages }: Request): string {
  return JSON.stringify(messages.map(({ parts }) => parts.map((part) => (part.kind === "passage" ? part.tokenIds : part))));
}

/** Requests with these texts: what a recorded trace or a file of prompts would give, whichever block asks. */
function recorded(prompts: (block: number) => readonly (readonly string[])[]): WorkloadGenerator {
  const generate: WorkloadGenerator["generate"] = (_arrivals, seed, block = 0) => ({
    kind: "recorded",
    options: {},
    seed,
    requests: prompts(block).map((texts, id) => recordedRequest(id, texts)),
  });
  return { kind: "recorded", options: {}, title: "recorded", generate, resized: () => recorded(prompts) };
}

function recordedRequest(id: number, texts: readonly string[]): Request {
  const parts = texts.map(passage);
  const lengths = parts.map(({ tokenIds }) => tokenIds.length);
  return {
    id,
    arrival: { kind: "at", offset: id },
    messages: [{ role: "user", parts }],
    contextTokens: lengths[0] ?? 0,
    questionTokens: lengths[1] ?? 0,
    reusableTokens: 0,
    maxOutputTokens: 1,
  };
}

test("one block is the workload as it always was", () => {
  const arrivals = poisson({ perSecond: 2 });
  const [only, ...others] = blocksOf(experiment({ workload: questions, arrivals, seed: 3 }));
  expect(only).toEqual(questions.generate(arrivals, 3));
  expect(others).toEqual([]);
});

test("one repetition more changes nothing in those before it", () => {
  expect(blocks({ repeats: 3 }).slice(0, 2)).toEqual(blocks({ repeats: 2 }));
  expect(blocks({ repeats: 2 }).slice(0, 1)).toEqual(blocks({}));
});

test("a later block has the schedule of the first, the same requests cold, and not one prompt of it", () => {
  const [first = [], second = []] = blocks({ repeats: 2, arrivals: poisson({ perSecond: 2 }) });
  expect(second.map(({ id, arrival }) => ({ id, arrival }))).toEqual(first.map(({ id, arrival }) => ({ id, arrival })));
  expect(second.map(cacheState)).toEqual(first.map(cacheState));
  expect(second.map(cacheState)).toContain("cold");
  expect(second.map(tokensOf).filter((prompt) => first.map(tokensOf).includes(prompt))).toEqual([]);
});

test("prompts that were recorded are warm in a later block, from the first to the last token", () => {
  const workload = recorded(() => [["the quick brown fox", " why"]]);
  const [first, second] = blocks({ workload, repeats: 2 });
  expect(first?.map(({ reusableTokens }) => reusableTokens)).toEqual([0]);
  expect(second?.map(({ reusableTokens, contextTokens, questionTokens }) => reusableTokens - contextTokens - questionTokens)).toEqual([0]);
});

test("of a prompt that only begins like an earlier block's, that much can be reused", () => {
  const workload = recorded((block) => [["you answer in verse", ` question ${block}`]]);
  const [, second] = blocks({ workload, repeats: 2 });
  expect(second?.map(({ reusableTokens, contextTokens }) => reusableTokens - contextTokens)).toEqual([0]);
});

test("where caches are emptied before each block, nothing of an earlier one can be reused", () => {
  const workload = recorded(() => [["the quick brown fox", " why"]]);
  const [, second] = blocks({ workload, repeats: 2, cacheState: "cold" });
  expect(second?.map(({ reusableTokens }) => reusableTokens)).toEqual([0]);
});

test("arrivals that go on from call to call are told, and not the generator that asks them", () => {
  let asked = 0;
  const arrivals: Arrivals = {
    kind: "goingOn",
    options: {},
    schedule: (count) => Array.from({ length: count }, () => ({ kind: "at", offset: asked++ })),
  };
  const workload = documentQa({ contextTokens: 64, questionTokens: 8, documents: 2, requests: 4 });
  expect(() => blocks({ workload, repeats: 2, arrivals })).toThrow(
    "arrivals goingOn: schedule(16) gives other times when it is asked again",
  );
});

test("a generator whose blocks are due at other times is a mistake", () => {
  const workload = recorded((block) => Array.from({ length: 1 + block }, () => ["the quick brown fox"]));
  expect(() => blocks({ workload, repeats: 2, arrivals: atOnce() })).toThrow("workload recorded: its blocks are not due at the same times");
});

test("an experiment that would not fit into memory, or never come to its end, is a mistake", () => {
  expect(() => blocks({ repeats: 900_000 })).toThrow("3,600,000 requests in 900,000 blocks, and at most 1,000,000 can be kept");
  const long = documentQa({ contextTokens: 5_000, questionTokens: 4, documents: 2, requests: 2 });
  expect(() => blocks({ workload: long, repeats: 20_000 })).toThrow("its different prompts would have 200,160,000 tokens");
  for (const arrivals of [every({ seconds: 1e300 }), poisson({ perSecond: 1e-300 }), closedLoop({ concurrency: 1, thinkSeconds: 1e12 })]) {
    expect(() => blocks({ arrivals })).toThrow("it would wait more than a year for one of its requests");
  }
});

test("prompts that an experiment before has sent are warm, unless caches were emptied since", () => {
  const prompts = recorded(() => [
    ["one", "?"],
    ["two", "?"],
  ]);
  const sent = new SentPrompts();
  const statesOf = (options: Partial<ExperimentOptions>) =>
    blocksOf(experiment({ workload: prompts, arrivals: every({ seconds: 1 }), ...options }), [sent])
      .flatMap(({ requests }) => requests)
      .map(cacheState);
  expect(statesOf({})).toEqual(["cold", "cold"]);
  expect(statesOf({})).toEqual(["warm", "warm"]);
  expect(statesOf({ cacheState: "cold" })).toEqual(["cold", "cold"]);
  expect(statesOf({ repeats: 2 })).toEqual(["warm", "warm", "warm", "warm"]);
});

test("of servers that were sent different prompts before, warm is what all of them have", () => {
  const prompts = recorded(() => [
    ["one", "?"],
    ["two", "?"],
  ]);
  const [one, other] = [new SentPrompts(), new SentPrompts()];
  const statesAt = (...sent: readonly SentPrompts[]) =>
    blocksOf(experiment({ workload: prompts, arrivals: every({ seconds: 1 }) }), sent)
      .flatMap(({ requests }) => requests)
      .map(cacheState);
  expect(statesAt(one)).toEqual(["cold", "cold"]);
  expect(statesAt(one, other)).toEqual(["cold", "cold"]);
  expect(statesAt(one, other)).toEqual(["warm", "warm"]);
});
