import { HashChain } from "./hashChain.ts";

/** One request inside the engine: its tokens so far, and what of them is computed. */
export class Sequence {
  readonly id: number;
  readonly promptTokens: number;
  readonly maxOutputTokens: number;
  /** What its answer is made from. */
  readonly digest: number;
  private readonly chain: HashChain;
  /** Tokens given out. */
  outputTokens: number;
  /** Tokens whose keys and values are in `blocks`. */
  computed: number;
  readonly blocks: number[];
  /** Of its blocks, those whose content the prefix cache has been told. */
  remembered: number;
  /** Tokens that have been offered to the CPU's cache. */
  offered: number;
  /** Of the prompt, found in the GPU's and in the CPU's cache when it was first scheduled; undefined before. */
  found: { readonly gpu: number; readonly cpu: number } | undefined;
  preemptions: number;
  aborted: boolean;

  constructor(id: number, prompt: ArrayLike<number>, maxOutputTokens: number) {
    this.id = id;
    this.promptTokens = prompt.length;
    this.maxOutputTokens = maxOutputTokens;
    this.chain = new HashChain();
    for (let index = 0; index < prompt.length; index++) this.chain.append(prompt[index]!);
    this.digest = this.chain.digest;
    this.outputTokens = 0;
    this.computed = 0;
    this.blocks = [];
    this.remembered = 0;
    this.offered = 0;
    this.found = undefined;
    this.preemptions = 0;
    this.aborted = false;
  }

  get tokens(): number {
    return this.promptTokens + this.outputTokens;
  }

  /** The keys of its full blocks. */
  get keys(): readonly number[] {
    return this.chain.keys;
  }

  get finished(): boolean {
    return this.outputTokens >= this.maxOutputTokens;
  }

  give(token: number): void {
    this.chain.append(token);
    this.outputTokens++;
  }
}
