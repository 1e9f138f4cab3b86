import { blockTokens } from "./memory.ts";

/**
 * One key per full block of a growing sequence of tokens. A key stands for everything up to the block's end, as in vLLM's prefix cache:
 * two sequences share a key when, and for all practical purposes only when, they are equal so far.
 */
export class HashChain {
  readonly keys: number[];
  private low: number;
  private high: number;
  private length: number;

  constructor() {
    this.keys = [];
    this.low = 0x811c9dc5;
    this.high = 0x2f0b4c47;
    this.length = 0;
  }

  append(token: number): void {
    this.low = mix(this.low ^ token, 0x85ebca6b);
    this.high = mix(this.high ^ token, 0xc2b2ae35);
    this.length++;
    if (this.length % blockTokens === 0) this.keys.push(this.key());
  }

  /** 32 bits of everything so far, full block or not. */
  get digest(): number {
    return this.low >>> 0;
  }

  // 53 bits, so that it is a number and a Map's key: a million blocks collide once in ten thousand runs.
  private key(): number {
    return (this.high & 0x1f_ffff) * 0x1_0000_0000 + (this.low >>> 0);
  }
}

// Steps of MurmurHash3's finaliser; each lane has its own multiplier.
function mix(word: number, multiplier: number): number {
  const shifted = Math.imul(word ^ (word >>> 16), multiplier);
  return Math.imul(shifted ^ (shifted >>> 13), 0x9e3779b1);
}
