import { drawBelow, draws } from "../model/draw.ts";
import type { Passage } from "../model/request.ts";
import { firstWordId, randomPassage, vocabularySize } from "../model/vocabulary.ts";

/** Passages of one workload by number, of exactly `tokens` tokens each. */
export type NumberedPassages = (number: number, tokens: number) => Passage;

/**
 * Random passages whose first word is their number, counted from a random word: two of them never begin alike by chance, so that
 * what requests share is exactly what the workload lets them share. (From the thousandth on first words come again; the rest is random.)
 * Every seed, name and block has its own.
 */
export function numberedPassages(seed: number, name: string, block: number): NumberedPassages {
  const draw = draws(seed, block === 0 ? name : `${name} of block ${block}`);
  const words = vocabularySize - firstWordId;
  const zero = drawBelow(words, draw);
  return (number, tokens) => randomPassage(tokens, draw, firstWordId + ((zero + number) % words));
}
