import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import type { Message, Request } from "../model/request.ts";
import { passage } from "../model/vocabulary.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { varyLength } from "../workloads/varyLength.ts";
import { contextsOf } from "./cacheState.ts";

const sizes = { contextTokens: 4, questionTokens: 2, outputTokens: 1 };

function request(id: number, messages: readonly (readonly [Message["role"], ...string[]])[]): Request {
  return {
    id,
    arrival: { kind: "at", offset: id },
    messages: messages.map(([role, ...texts]) => ({ role, parts: texts.map(passage) })),
    contextTokens: 4,
    questionTokens: 2,
    reusableTokens: 0,
    maxOutputTokens: 8,
  };
}

function contexts(requests: readonly Request[]): readonly string[] {
  return contextsOf({ kind: "own", options: {}, seed: 0, requests }).map(({ messages }) =>
    messages.map(({ role, parts }) => `${role}: ${parts.map((part) => (part.kind === "passage" ? part.text : "")).join("|")}`).join(" "),
  );
}

test("of documents behind a system prompt that all share, each is a context, without its questions", () => {
  const asked = ["a", "b", "a"].map((document, id) => request(id, [["user", "system", document, `question ${id}`]]));
  expect(contexts(asked)).toEqual(["user: system|a", "user: system|b"]);
  const inTwo = ["a", "b", "a"].map((document, id) =>
    request(id, [
      ["system", "system"],
      ["user", document, `question ${id}`],
    ]),
  );
  expect(contexts(inTwo)).toEqual(["system: system user: a", "system: system user: b"]);
});

test("a last message that is nothing but a question is left out whole, a prompt that is nothing else stays", () => {
  const question = request(0, [
    ["system", "system"],
    ["user", "question"],
  ]);
  expect(contexts([question])).toEqual(["system: system"]);
  expect(contexts([request(0, [["user", "all of it"]])])).toEqual(["user: all of it"]);
});

test("a context with which another begins is asked about with that one", () => {
  const grows = [["one"], ["one", "two"], ["one", "two", "three"], ["other"]].map((parts, id) => request(id, [["user", ...parts, "why"]]));
  expect(contexts(grows)).toEqual(["user: one|two|three", "user: other"]);
});

test("built-in workloads: a context for each document, and the longest of one that grows", () => {
  const documents = documentQa({ ...sizes, documents: 3, requests: 7 }).generate(atOnce(), 0);
  expect(contextsOf(documents)).toHaveLength(3);
  const grows = varyLength({ ...sizes, requests: 7 }).generate(atOnce(), 0);
  expect(contextsOf(grows)).toHaveLength(1);
});
