import type { Draw } from "./draw.ts";
import { drawBelow } from "./draw.ts";
import type { Passage } from "./request.ts";
import { words } from "./words.ts";

/** Ids below are the bytes of UTF-8; from here on they are words, each with the space before it. */
export const firstWordId = 256;

export const vocabularySize: number = firstWordId + words.length;

const spacedWords = words.map((word) => ` ${word}`);
const wordIds = new Map(words.map((word, index) => [word, firstWordId + index]));
const utf8 = new TextEncoder();

/** Ids of any text: a known word with the space before it is one token, everything else its bytes in UTF-8. */
export function encode(text: string): number[] {
  const ids: number[] = [];
  let unknownFrom = 0;
  for (let space = text.indexOf(" "); space !== -1;) {
    const end = endOfLetters(text, space + 1);
    const id = wordIds.get(text.slice(space + 1, end));
    if (id !== undefined) {
      pushBytes(ids, text.slice(unknownFrom, space));
      ids.push(id);
      unknownFrom = end;
    }
    space = text.indexOf(" ", end);
  }
  pushBytes(ids, text.slice(unknownFrom));
  return ids;
}

/** The text of ids. Bytes that are not UTF-8 become the replacement character; ids beyond the vocabulary too. */
export function decode(ids: Iterable<number>): string {
  const text: string[] = [];
  let bytes: number[] = [];
  for (const id of ids) {
    if (id < firstWordId) {
      bytes.push(id);
      continue;
    }
    if (bytes.length > 0) text.push(fromBytes(bytes));
    bytes = [];
    text.push(spacedWords[id - firstWordId] ?? "\uFFFD");
  }
  if (bytes.length > 0) text.push(fromBytes(bytes));
  return text.join("");
}

/** Exactly `tokens` random words, the first of them a certain one where that is said: encoding its text gives back its ids. */
export function randomPassage(tokens: number, draw: Draw, first?: number): Passage {
  const random = () => firstWordId + drawBelow(words.length, draw);
  const tokenIds = Array.from({ length: tokens }, (_, place) => (place === 0 && first !== undefined ? first : random()));
  return { kind: "passage", text: decode(tokenIds), tokenIds };
}

export function passage(text: string): Passage {
  return { kind: "passage", text, tokenIds: encode(text) };
}

function endOfLetters(text: string, from: number): number {
  let end = from;
  while (isLetter(text.charCodeAt(end))) end++;
  return end;
}

function isLetter(code: number): boolean {
  const lowerCase = code | 0x20;
  return lowerCase >= 0x61 && lowerCase <= 0x7a;
}

function pushBytes(ids: number[], text: string): void {
  if (text === "") return;
  for (const byte of utf8.encode(text)) ids.push(byte);
}

// Not shared between calls: a decoder keeps the tail of a broken sequence.
function fromBytes(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
