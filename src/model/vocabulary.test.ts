import * as fc from "fast-check";
import { expect, test } from "vitest";
import { draws } from "./draw.ts";
import { decode, encode, firstWordId, randomPassage, vocabularySize } from "./vocabulary.ts";
import { words } from "./words.ts";

const wordId = fc.integer({ min: firstWordId, max: vocabularySize - 1 });

test("a known word with its space is one token, everything else is bytes", () => {
  expect(encode(" the")).toEqual([256]);
  expect(encode("the be")).toEqual([116, 104, 101, 257]);
  expect(encode(" then")).not.toContain(256);
  expect(encode(" Thé")).toEqual([32, 84, 104, 195, 169]);
});

test("every word is lower-case and there once", () => {
  expect(new Set(words).size).toBe(words.length);
  expect(words.filter((word) => !/^[a-z]+$/.test(word))).toEqual([]);
});

test("any well-formed text survives being encoded and decoded", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.array(fc.constantFrom(" the", " be", "n", " ", "é", "\n")).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (given) => {
      expect(decode(encode(given))).toBe(given);
    }),
  );
});

test("word ids survive being decoded and encoded", () => {
  fc.assert(
    fc.property(fc.array(wordId), (ids) => {
      expect(encode(decode(ids))).toEqual(ids);
    }),
  );
});

test("a random passage has exactly the tokens asked for, and its text encodes to them", () => {
  fc.assert(
    fc.property(fc.nat(400), fc.nat(), (tokens, seed) => {
      const { text, tokenIds } = randomPassage(tokens, draws(seed, "passage"));
      expect(tokenIds).toHaveLength(tokens);
      expect(encode(text)).toEqual(tokenIds);
    }),
  );
});

test("a random passage begins with the word that is said, and is as long all the same", () => {
  const { text, tokenIds } = randomPassage(7, draws(1, "first"), firstWordId);
  expect(tokenIds).toHaveLength(7);
  expect(tokenIds[0]).toBe(firstWordId);
  expect(encode(text)).toEqual(tokenIds);
});
