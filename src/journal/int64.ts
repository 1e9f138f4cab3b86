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
  const low = new Uint32Array(stored.buffer, stored.byteOffset, stored.length * 2);
  const high = new Int32Array(stored.buffer, stored.byteOffset, stored.length * 2);
  const numbers = new Float64Array(stored.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = (high[2 * i + 1] ?? 0) * WORD + (low[2 * i] ?? 0);
  return numbers;
}
