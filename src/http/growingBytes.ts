/** Every stream has some of these that never hold anything. */
const nothing = Buffer.alloc(0);

/** Bytes put together from pieces that arrive one by one. */
export class GrowingBytes {
  bytes: Buffer = nothing;
  length = 0;

  append(piece: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) this.grow(length);
    this.bytes.set(piece.subarray(start, end), this.length);
    this.length = length;
  }

  clear(): void {
    this.length = 0;
  }

  private grow(length: number): void {
    const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.bytes.length, 256));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
