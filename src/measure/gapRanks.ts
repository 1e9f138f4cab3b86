import type { Seconds } from "../model/time.ts";
import type { Gaps } from "./latency.ts";
import { Selection } from "./selection.ts";

// Of the upper word of a double the first bits (sign, exponent, six bits of the fraction: 1.6 % of a gap), and those that follow (a millionth).
const LOWER_BITS = 14;
const UPPERS = 2 ** (32 - LOWER_BITS);
const LOWERS = 2 ** LOWER_BITS;

/**
 * The gap at each rank: the smallest that, with all that are not above it, weighs at least that much; undefined where there is none.
 * Exact: two passes over what may be tens of millions of gaps weigh them by the bits of their values, and only of those that share a whole word and are
 * not the same, few as a rule, one is selected.
 */
export function gapsAtRanks(gaps: Gaps, ranks: readonly number[]): readonly (Seconds | undefined)[] {
  if (ranks.length === 0) return [];
  const byUpper = weightsByUpper(gaps);
  const uppers = ranks.map((rank) => placeOf(rank, byUpper));
  const within = new Map([...new Set(uppers.map(({ place }) => place))].map((upper) => [upper, noneYet()]));
  weighWithin(within, gaps);
  return uppers.map(({ place: upper, rest }) => {
    const { weights, values, differ } = within.get(upper) ?? noneYet();
    const { place: lower, rest: rank } = placeOf(rest, weights);
    return differ[lower] === 1 ? new Selection(gapsOfWord(upper * LOWERS + lower, gaps)).atRank(rank) : values[lower];
  });
}

/** Gaps whose words begin alike, by the rest of their word. */
interface Within {
  readonly weights: Float64Array;
  /** The first that was found… */
  readonly values: Float64Array;
  /** …1 where another was found that is not the same. */
  readonly differ: Uint8Array;
}

function noneYet(): Within {
  return { weights: new Float64Array(LOWERS), values: new Float64Array(LOWERS), differ: new Uint8Array(LOWERS) };
}

function weightsByUpper({ seconds, weights, from, to }: Gaps): Float64Array {
  const sums = new Float64Array(UPPERS);
  const words = wordsOf(seconds);
  for (let stream = 0; stream < from.length; stream++) {
    const end = to[stream] ?? 0;
    for (let gap = from[stream] ?? 0; gap < end; gap++) {
      const upper = orderOf(words[2 * gap + 1] ?? 0) >>> LOWER_BITS;
      sums[upper] = (sums[upper] ?? 0) + (weights[gap] ?? 0);
    }
  }
  return sums;
}

function weighWithin(wanted: ReadonlyMap<number, Within>, { seconds, weights, from, to }: Gaps): void {
  const words = wordsOf(seconds);
  const found = [undefined, ...wanted.values()];
  const placeOfUpper = new Uint8Array(UPPERS);
  for (const [index, upper] of [...wanted.keys()].entries()) placeOfUpper[upper] = index + 1;
  for (let stream = 0; stream < from.length; stream++) {
    const end = to[stream] ?? 0;
    for (let gap = from[stream] ?? 0; gap < end; gap++) {
      const order = orderOf(words[2 * gap + 1] ?? 0);
      const within = found[placeOfUpper[order >>> LOWER_BITS] ?? 0];
      if (within !== undefined) weigh(within, order & (LOWERS - 1), seconds[gap] ?? 0, weights[gap] ?? 0);
    }
  }
}

function weigh({ weights, values, differ }: Within, lower: number, value: Seconds, weight: number): void {
  const before = weights[lower] ?? 0;
  if (before === 0) values[lower] = value;
  else if (values[lower] !== value) differ[lower] = 1;
  weights[lower] = before + weight;
}

/** Where a rank lies among weights that are in order, and how much of it is left there; behind all of them where it is beyond what they weigh. */
function placeOf(rank: number, weights: Float64Array): { readonly place: number; readonly rest: number } {
  let [place, passed] = [0, 0];
  for (; place < weights.length; place++) {
    const weight = weights[place] ?? 0;
    if (passed + weight >= rank) break;
    passed += weight;
  }
  return { place, rest: rank - passed };
}

function gapsOfWord(wanted: number, { seconds, weights, from, to }: Gaps): Pick<Gaps, "seconds" | "weights"> {
  const words = wordsOf(seconds);
  const [values, own] = [[] as number[], [] as number[]];
  for (let stream = 0; stream < from.length; stream++) {
    const end = to[stream] ?? 0;
    for (let gap = from[stream] ?? 0; gap < end; gap++) {
      if (orderOf(words[2 * gap + 1] ?? 0) !== wanted) continue;
      values.push(seconds[gap] ?? 0);
      own.push(weights[gap] ?? 0);
    }
  }
  return { seconds: Float64Array.from(values), weights: Int32Array.from(own) };
}

/** Of a double's upper word: 0 to 2^32 - 1, in the order of the values. Negative ones rise with their size, and come before the others. */
function orderOf(word: number): number {
  return (word < 0 ? ~word : word | 0x80_00_00_00) >>> 0;
}

/** The upper word of value i is word 2 i + 1. */
function wordsOf({ buffer, byteOffset, length }: Float64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, 2 * length);
}
