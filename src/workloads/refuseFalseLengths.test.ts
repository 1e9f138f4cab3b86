import { expect, test } from "vitest";
import { documentQa } from "./documentQa.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { draws } from "../model/draw.ts";
import { experiment, type ExperimentOptions } from "../model/experiment.ts";
import type { Arrival, Message, Request } from "../model/request.ts";
import { passage, randomPassage } from "../model/vocabulary.ts";
import type { WorkloadGenerator } from "../model/workload.ts";
import { blocksOf } from "./blocks.ts";

const draw = draws(1, "lengths");
const words = (tokens: number) => randomPassage(tokens, draw);
const says = (...parts: Message["parts"]): Message => ({ role: "user", parts });
const at = (offset: number): Arrival => ({ kind: "at", offset });
const after = (request: number): Arrival => ({ kind: "after", request, pause: 0 });

interface Asked {
  readonly messages: readonly Message[];
  readonly context?: number;
  readonly question?: number;
  readonly reusable?: number;
  readonly arrival?: Arrival;
}

function mistakeOf(asked: readonly Asked[], options: Partial<ExperimentOptions> = {}): string {
  const requests = asked.map(({ messages, context = 0, question = 0, reusable = 0, arrival }, id): Request => {
    const lengths = { contextTokens: context, questionTokens: question, reusableTokens: reusable, maxOutputTokens: 1 };
    return { id, arrival: arrival ?? at(id), messages, ...lengths };
  });
  const workload: WorkloadGenerator = {
    kind: "mine",
    options: {},
    title: "mine",
    generate: (_, seed) => ({ kind: "mine", options: {}, seed, requests }),
    resized: () => workload,
  };
  try {
    blocksOf(experiment({ workload, arrivals: every({ seconds: 1 }), ...options }));
  } catch (error) {
    return (error as Error).message;
  }
  return "none";
}

test("prompts of 40 tokens that are said to have 8,016, of which 4,000 can be reused, are refused for both", () => {
  const asked = Array.from({ length: 4 }, () => ({ messages: [says(words(40))], context: 8_000, question: 16, reusable: 4_000 }));
  expect(mistakeOf(asked)).toBe(
    "workload mine: request 0: contextTokens and questionTokens together must be 40, the tokens of its parts in the built-in vocabulary, not 8016 " +
      "(and 3 more like it); workload mine: request 0: reusableTokens must be at most 0, the tokens of its longest beginning that an earlier request has, " +
      "not 4000 (and 3 more like it)",
  );
});

test("text of one's own is counted as its token ids are, and with a reply that nobody knows yet a prompt is at least as long as the rest", () => {
  const prose = passage("Whereof one cannot speak");
  const own = { kind: "reply", request: 0, source: "own" } as const;
  const scripted = { kind: "reply", request: 0, source: "scripted", scripted: words(5) } as const;
  const first = { messages: [says(prose)], context: prose.tokenIds.length };
  expect(mistakeOf([first])).toBe("none");
  expect(mistakeOf([{ ...first, context: 5 }])).toContain("together must be 16, the tokens of its parts in the built-in vocabulary, not 5");
  expect(mistakeOf([first, { messages: [says(words(4), own)], context: 100 }])).toBe("none");
  expect(mistakeOf([first, { messages: [says(words(4), own)], context: 3 }])).toContain(
    "request 1: contextTokens and questionTokens together must be at least 4",
  );
  expect(mistakeOf([first, { messages: [says(words(4), scripted)], context: 100 }])).toContain("must be 9, the tokens of its parts");
});

test("a beginning of 1,000 words that all prompts have is not cold but once, as one passage with the question or by itself", () => {
  const shared = words(1_000);
  const together = () => passage(`${shared.text}${words(20).text}`);
  for (const messages of [() => [says(together())], () => [says(shared, words(20))], () => [says(passage(shared.text), words(20))]]) {
    const asked = Array.from({ length: 20 }, () => ({ messages: messages(), context: 1_000, question: 20 }));
    expect(mistakeOf(asked)).toContain(
      "request 1: reusableTokens must be at least 1000, the tokens of its longest beginning that an earlier request has, not 0 (and 18 more",
    );
    expect(mistakeOf(asked.map((one, id) => ({ ...one, reusable: id === 0 ? 0 : 1_000 })))).toBe("none");
    expect(mistakeOf(asked.map((one) => ({ ...one, reusable: 1_000 })))).toContain("request 0: reusableTokens must be at most 0");
    const backwards = asked.map((one, id) => ({ ...one, arrival: at(20 - id), reusable: id === 19 ? 0 : 1_000 }));
    expect(mistakeOf(backwards)).toBe("none");
  }
});

test("a few words that agree, a short system prompt, and a question in common with the context are no mistake", () => {
  const [few, system, document, question] = [words(15), words(100), words(2_000), words(40)];
  expect(mistakeOf([1, 2].map(() => ({ messages: [says(few, words(30))], context: 45 })))).toBe("none");
  const asked = [1, 2].map(() => ({ messages: [{ role: "system" as const, parts: [system] }, says(words(2_000))], context: 2_100 }));
  expect(mistakeOf(asked)).toBe("none");
  const same = { messages: [says(document, question)], context: 2_000, question: 40 };
  expect(mistakeOf([same, { ...same, reusable: 2_000 }])).toBe("none");
});

test("the same text in another role is no common beginning for a chat template, and may be one for a prompt", () => {
  const text = words(200);
  const asked = (reusable: number) => [
    { messages: [{ role: "system" as const, parts: [text] }], context: 200 },
    { messages: [says(text)], context: 200, reusable },
  ];
  expect(mistakeOf(asked(0))).toBe("none");
  expect(mistakeOf(asked(200))).toBe("none");
});

test("what depends on the answers may be either way, but a chain of those that wait for one another is in its order", () => {
  const text = words(200);
  const other = { messages: [says(words(200))], context: 200 };
  const one = { messages: [says(text)], context: 200 };
  const reused = { ...one, reusable: 200 };
  // 2 and 3 are of two users: which of them comes first nobody knows.
  const starts = [
    { ...other, arrival: at(0) },
    { ...other, messages: [says(words(200))], arrival: at(0) },
  ];
  for (const pair of [
    [one, reused],
    [reused, one],
    [one, one],
  ]) {
    expect(mistakeOf([...starts, ...pair.map((request, user) => ({ ...request, arrival: after(user) }))])).toBe("none");
  }
  expect(mistakeOf([...starts, { ...reused, arrival: after(0) }])).toContain("request 2: reusableTokens must be at most 0");
  const chain = (last: Asked) => [
    { ...one, arrival: at(0) },
    { ...other, arrival: after(0) },
    { ...last, arrival: after(1) },
  ];
  expect(mistakeOf(chain(one))).toContain("request 2: reusableTokens must be at least 200, the tokens of its longest beginning");
  expect(mistakeOf(chain(reused))).toBe("none");
});

test("where caches are primed, more can be reused than a block's own requests have in common", () => {
  const asked = [1, 2].map(() => ({ messages: [says(words(100))], context: 100, reusable: 100 }));
  expect(mistakeOf(asked, { cacheState: "primed" })).toBe("none");
  expect(mistakeOf(asked)).toContain("reusableTokens must be at most 0");
});

test("documents asked about in a closed loop are as the built-in workload says", () => {
  const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 5, requests: 400, pick: "random" });
  expect(blocksOf(experiment({ workload, arrivals: closedLoop({ concurrency: 8 }) }))).toHaveLength(1);
});
