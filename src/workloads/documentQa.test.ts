import { expect, test } from "vitest";
import { every } from "../arrivals/every.ts";
import { cacheState, partsOf, type Request } from "../model/request.ts";
import { documentQa } from "./documentQa.ts";

const arrivals = every({ seconds: 8 });
const small = { contextTokens: 64, questionTokens: 4, documents: 3, requests: 7 };

function requestsOf(change: Partial<typeof small> = {}, seed = 1): readonly Request[] {
  return documentQa({ ...small, ...change }).generate(arrivals, seed).requests;
}

const contextOf = (request: Request) => partsOf(request)[0];
const questionOf = (request: Request) => partsOf(request)[1];

test("requests go round the documents, each cold when it is asked about first and warm from then on", () => {
  const requests = requestsOf();
  const documents = [...new Set(requests.map(contextOf))];
  expect(requests.map((request) => documents.indexOf(contextOf(request)))).toEqual([0, 1, 2, 0, 1, 2, 0]);
  expect(requests.map(({ reusableTokens }) => reusableTokens)).toEqual([0, 0, 0, 64, 64, 64, 64]);
  expect(requests.map(cacheState)).toEqual(["cold", "cold", "cold", "warm", "warm", "warm", "warm"]);
});

test("no two questions begin with the same word, so only the document is shared", () => {
  const firstWords = requestsOf({ questionTokens: 1, requests: 500 }).map((request) => JSON.stringify(questionOf(request)));
  expect(new Set(firstWords).size).toBe(500);
});

test("documents of another length or seed begin otherwise", () => {
  const beginnings = [requestsOf(), requestsOf({ contextTokens: 65 }), requestsOf({}, 2)].map((requests) => {
    const [context] = requests.map(contextOf);
    return context?.kind === "passage" ? context.tokenIds.slice(0, 16).join() : undefined;
  });
  expect(new Set(beginnings).size).toBe(3);
});

test("a later block asks other questions about other documents, in the same order", () => {
  const [first, later] = [0, 1].map((block) => documentQa({ ...small, pick: "random" }).generate(arrivals, 1, block).requests);
  const order = (requests: readonly Request[] = []) => requests.map((request) => requests.map(contextOf).indexOf(contextOf(request)));
  expect(order(later)).toEqual(order(first));
  const texts = (requests: readonly Request[] = []) => requests.flatMap((request) => partsOf(request).map((part) => JSON.stringify(part)));
  expect(texts(later).filter((text) => texts(first).includes(text))).toEqual([]);
});

test("picked at random, every document is asked about in the end, and its first question is the cold one", () => {
  const { requests } = documentQa({ ...small, requests: 60, pick: "random" }).generate(arrivals, 1);
  const documents = requests.map(contextOf);
  expect(new Set(documents).size).toBe(3);
  const firsts = documents.map((document, id) => documents.indexOf(document) === id);
  expect(requests.map((request) => cacheState(request) === "cold")).toEqual(firsts);
});

test("its title says what a reader of the report wants to know", () => {
  expect(documentQa({ ...small, contextTokens: 8_192, documents: 1 }).title).toBe("8,192 context tokens, 7 questions");
  expect(documentQa(small).title).toBe("64 context tokens, 7 questions about 3 documents");
});

test("documents that are never asked about are doubted, but not where any may be picked", () => {
  expect(documentQa({ ...small, documents: 7 }).doubt).toBeUndefined();
  expect(documentQa({ ...small, documents: 8 }).doubt).toBe(
    "1 of its 8 documents is never asked about, and none of the others twice: say more requests, or fewer documents",
  );
  expect(documentQa(small).resized(1).doubt).toContain("2 of its 3 documents are never asked about");
  expect(documentQa({ ...small, documents: 8, pick: "random" }).doubt).toBeUndefined();
});

test("all mistakes of a JavaScript author are told at once", () => {
  // @ts-expect-error misspelt and missing
  expect(() => documentQa({ contextToken: 8192, questionTokens: 0, documents: 1 })).toThrow(
    'documentQa(): there is no option "contextToken", did you mean "contextTokens"?; questionTokens must be a whole number of at least 1, not 0; ' +
      "contextTokens is missing; requests is missing",
  );
});

test("what would fill the memory is a mistake: a number by itself, or documents times their length", () => {
  expect(() => documentQa({ ...small, contextTokens: 1e12, requests: 1e12 })).toThrow(
    "contextTokens must be at most 10,000,000, not 1000000000000; requests must be at most 1,000,000, not 1000000000000",
  );
  expect(() => documentQa({ ...small, contextTokens: 1_000_000, documents: 1_000, requests: 1_000 })).toThrow(
    "its different prompts would have 1,000,004,000 tokens, and at most 100,000,000 are made beforehand",
  );
  expect(documentQa({ ...small, contextTokens: 1_000_000, documents: 1_000, requests: 50 }).kind).toBe("documentQa");
});
