const WORD = 4_294_967_296;

/** The first `count` whole numbers of `from` as 64-bit integers. By words: making a BigInt of each costs ten times as much. */
export function writeWords(from: Float64Array, to: BigInt64Array, count: number): void {
  const words = new Uint32Array(to.buffer, to.byteOffset, count * 2);
  for (let i = 0; i < count; i++) {
    const value = from[i] ?? 0;
    words[2 * i] = value;
    words[2 * i + 1] = Math.floor(value / WORD);
  }
}

/** 64-bit integers as numbers: exact below 2^53. */
export function numbersOf(stored: BigInt64Array): Float64Array {
  const { low, high } = wordsOf(stored);
  const numbers = new Float64Array(stored.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = numberOf(low[2 * i] ?? 0, high[2 * i + 1] ?? 0);
  return numbers;
}

/** Where integer i lies: its lower half at `low[2 * i]`, its upper one at `high[2 * i + 1]`. */
export function wordsOf({ buffer, byteOffset, length }: BigInt64Array): { readonly low: Uint32Array; readonly high: Int32Array } {
  return { low: new Uint32Array(buffer, byteOffset, length * 2), high: new Int32Array(buffer, byteOffset, length * 2) };
}

export function numberOf(low: number, high: number): number {
  return high * WORD + low;
}
