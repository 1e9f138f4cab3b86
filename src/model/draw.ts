import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** The next number of a seeded stream, uniform in [0, 1). */
export type Draw = () => number;

/** Streams are told apart by 32 bits of a seed: larger ones would be the same as smaller ones. */
export const largestSeed = 2 ** 32 - 1;

/** A stream of its own for every (seed, name): what one part draws never moves what another part sees. */
export function draws(seed: number, name: string): Draw {
  const generator = xoroshiro128plusFromState(mixed(seed, hash32(name)));
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

/**
 * The four words a generator begins with. Begun with small numbers as they are, its first draws are nearly the same for all of them, and the first
 * gap of every Poisson process twice its mean. So from SplitMix64, as its authors advise (D. Blackman, S. Vigna, ACM TOMS 47, 2021):
 * https://prng.di.unimi.it/splitmix64.c
 */
function mixed(seed: number, name: number): readonly number[] {
  let state = (BigInt.asUintN(32, BigInt(Math.trunc(seed))) << 32n) | BigInt.asUintN(32, BigInt(name));
  return [0, 1].flatMap(() => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    const first = BigInt.asUintN(64, (state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n);
    const second = BigInt.asUintN(64, (first ^ (first >> 27n)) * 0x94d049bb133111ebn);
    const word = second ^ (second >> 31n);
    return [Number(word >> 32n) | 0, Number(word & 0xffffffffn) | 0];
  });
}
