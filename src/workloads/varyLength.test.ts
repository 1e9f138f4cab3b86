import { expect, test } from "vitest";
import { every } from "../arrivals/every.ts";
import { cacheState } from "../model/request.ts";
import { varyLength } from "./varyLength.ts";

const { requests } = varyLength({ contextTokens: 100, requests: 5 }).generate(every({ seconds: 8 }), 1);

test("the document grows by its first length: a, 2a, 2a, 3a, 3a", () => {
  expect(requests.map(({ contextTokens }) => contextTokens)).toEqual([100, 200, 200, 300, 300]);
});

test("a new length finds the shorter one, the next request all of it", () => {
  expect(requests.map(({ reusableTokens }) => reusableTokens)).toEqual([0, 100, 200, 200, 300]);
  expect(requests.map(cacheState)).toEqual(["cold", "partial", "warm", "partial", "warm"]);
});

test("its title spans the lengths", () => {
  expect(varyLength({ contextTokens: 12_288, requests: 3 }).title).toBe("12,288 to 24,576 context tokens, 3 requests");
});

test("a last request that would be longer than any prompt is a mistake", () => {
  expect(() => varyLength({ contextTokens: 100_000, requests: 1_000 })).toThrow(
    "its last request would have 50,100,000 context tokens, at most 10,000,000 are wanted",
  );
  expect(() => varyLength({ contextTokens: 1, requests: 1_000_000 })).toThrow("requests must be at most 10,000, not 1000000");
});
