/** One thing that was asked of an engine, beside what was found. */
export interface ProofCheck {
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  /** Missing where the engine does not let itself be asked: neither proven nor disproven. */
  readonly ok?: boolean;
}

/** One property of an engine that is up: what two engines of a test are compared by. */
export interface Trait {
  readonly what: string;
  readonly found: string;
  /** What the author decided that settles it; where two engines differ in this, a difference was asked for. */
  readonly asked?: string;
}

/** What an engine finds again of a prompt it has seen. */
export interface CacheReuse {
  /** In its own memory: the prefix cache. */
  readonly own: boolean;
  /** In a cache beside it: CPU memory, disk, another server. */
  readonly external: boolean;
  /** Only whole pieces of so many tokens are found again. Missing where nobody knows. */
  readonly ownPiece?: number;
  readonly externalPiece?: number;
}

/** Of one engine that is up: was it what was asked for? With `experiment`, of the moment just before that one. */
export interface EngineProof {
  readonly engine: string;
  readonly checks: readonly ProofCheck[];
  readonly traits: readonly Trait[];
  readonly reuse?: CacheReuse;
  readonly experiment?: number;
}
