/**
 * KV blocks as vLLM keeps them (v1/core/block_pool.py): a count of users each, a list of free ones from the least recently used on, and a map
 * from what a full block holds to the block. A free block keeps its content until it is taken for something else.
 */
export class BlockPool {
  readonly size: number;
  private readonly users: Int32Array;
  private readonly keys: Float64Array;
  private readonly byKey: Map<number, number>;
  // A ring of free blocks; position `size` is its anchor.
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private freeCount: number;

  constructor(size: number) {
    this.size = size;
    this.users = new Int32Array(size);
    this.keys = new Float64Array(size).fill(NaN);
    this.byKey = new Map();
    this.next = Int32Array.from({ length: size + 1 }, (_, block) => (block === size ? 0 : block + 1));
    this.previous = Int32Array.from({ length: size + 1 }, (_, block) => (block === 0 ? size : block - 1));
    this.freeCount = size;
  }

  get free(): number {
    return this.freeCount;
  }

  /** Blocks that hold the longest prefix of `keys`, at most `limit` of them. */
  cachedPrefix(keys: readonly number[], limit: number): number[] {
    const blocks: number[] = [];
    for (let index = 0; index < limit; index++) {
      const key = keys[index];
      const block = key === undefined ? undefined : this.byKey.get(key);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** Takes the `shared` blocks and `count` fresh ones for one sequence: all of them, or none where too few are free. */
  take(count: number, shared: readonly number[] = []): number[] | undefined {
    const sharedButFree = shared.filter((block) => this.users[block] === 0);
    if (count + sharedButFree.length > this.freeCount) return undefined;
    for (const block of sharedButFree) this.unlink(block);
    for (const block of shared) this.users[block]!++;
    return [...shared, ...Array.from({ length: count }, () => this.takeOldest())];
  }

  /** Says what a full block holds. The first block of a content stays the one that is found. */
  remember(block: number, key: number): void {
    if (this.byKey.has(key)) return;
    this.byKey.set(key, block);
    this.keys[block] = key;
  }

  /** Gives a sequence's blocks back, its tail first, so that the tail of a prefix is forgotten before its head. */
  release(blocks: readonly number[]): void {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index]!;
      this.users[block]!--;
      if (this.users[block] === 0) this.link(block);
    }
  }

  /** Forgets what every block holds, unless a block is in use: then it says false and does nothing, as vLLM does. */
  reset(): boolean {
    if (this.freeCount < this.size) return false;
    this.byKey.clear();
    this.keys.fill(NaN);
    return true;
  }

  private takeOldest(): number {
    const block = this.next[this.size]!;
    this.unlink(block);
    this.forget(block);
    this.users[block] = 1;
    return block;
  }

  private forget(block: number): void {
    const key = this.keys[block]!;
    if (!Number.isNaN(key)) this.byKey.delete(key);
    this.keys[block] = NaN;
  }

  private unlink(block: number): void {
    const next = this.next[block]!;
    const previous = this.previous[block]!;
    this.next[previous] = next;
    this.previous[next] = previous;
    this.freeCount--;
  }

  private link(block: number): void {
    const last = this.previous[this.size]!;
    this.next[last] = block;
    this.previous[block] = last;
    this.next[block] = this.size;
    this.previous[this.size] = block;
    this.freeCount++;
  }
}
