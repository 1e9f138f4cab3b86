import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** The next number of a seeded stream, uniform in [0, 1). */
export type Draw = () => number;

/** Streams are told apart by 32 bits of a seed: larger ones would be the same as smaller ones. */
export const largestSeed = 2 ** 32 - 1;

/** A stream of its own for every (seed, name): what one part draws never moves what another part sees. */
export function draws(seed: number, name: string): Draw {
  const generator = xoroshiro128plus(Math.trunc(seed) ^ hash32(name));
  const word = () => generator.next() >>> 0;
  return () => ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 9_007_199_254_740_992;
}

/** A whole number from 0 to below `bound`. */
export function drawBelow(bound: number, draw: Draw): number {
  return Math.floor(draw() * bound);
}

// FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
