import { expect, test } from "vitest";

import { every } from "../arrivals/every.ts";
import type { Message } from "../model/request.ts";
import { passage } from "../model/vocabulary.ts";
import type { Workload } from "../model/workload.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { varyLength } from "../workloads/varyLength.ts";
import { areText } from "./promptForm.ts";

const built = documentQa({ contextTokens: 100, questionTokens: 10, documents: 2, requests: 4, outputTokens: 1 }).generate(
  every({ seconds: 1 }),
  0,
);

/** The last request's prompt followed by more. */
function followedBy(part: Message["parts"][number]): Workload {
  const requests = built.requests.map((request, id) =>
    id === 3 ? { ...request, messages: request.messages.map(({ role, parts }) => ({ role, parts: [...parts, part] })) } : request,
  );
  return { ...built, requests };
}

test("built-in workloads are words whose ids are known", () => {
  const lengths = varyLength({ contextTokens: 100, questionTokens: 10, requests: 4, outputTokens: 1 });
  expect(areText([built, lengths.generate(every({ seconds: 1 }), 0)])).toBe(false);
});

test.each([
  ["an author's text", passage("What is the capital of France?")],
  ["an engine's own reply", { kind: "reply", request: 0, source: "own" } as const],
  ["a scripted reply of an author's", { kind: "reply", request: 0, source: "scripted", scripted: passage("Paris.") } as const],
])("%s in one prompt, of any block, makes text of all", (_, part) => {
  expect(areText([built, followedBy(part)])).toBe(true);
});
