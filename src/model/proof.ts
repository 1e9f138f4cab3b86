/**
 * How something was seen: in its log, on its metrics page, in what its launcher found out about it, among its processes, or by requests
 * made for the purpose.
 */
export type ProofSource = "log" | "metric" | "fact" | "processes" | "requests";

/** One thing that was asked of an engine, beside what was found. */
export interface ProofCheck {
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  /** Missing in journals of before it was written down. */
  readonly seen?: ProofSource;
  /** Missing where the engine does not let itself be asked: neither proven nor disproven. */
  readonly ok?: boolean;
  /** True where it was found, but less of it than was wanted; also where nothing was, and that may be all that there can be. */
  readonly partly?: boolean;
}

/** One property of an engine that is up: what two engines of a test are compared by. */
export interface Trait {
  readonly what: string;
  readonly found: string;
  readonly seen?: ProofSource;
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
  /** Where the cache beside it has a single place to keep it: whatever comes out of that cache was there. */
  readonly onlyTier?: "memory" | "lower";
  /** Its replies told of a hit when it was asked beforehand: those that tell none had none. */
  readonly toldHits?: true;
}

/** What an engine answered to a prompt, at temperature 0. */
export interface Answer {
  readonly text: string;
  /** One by one, where it tells them. */
  readonly tokens?: readonly string[];
  /** Of the prompt, those that came out of a cache. */
  readonly cachedTokens?: number;
}

/** One prompt: when nobody had seen it, and again when a cache may have it; of two caches' answers one that is another than the first. */
export interface AskedTwice {
  readonly first: Answer;
  readonly again: Answer;
}

/** Of one engine that is up: was it what was asked for? With `experiment`, of that one: just before it, or while it was played. */
export interface EngineProof {
  readonly engine: string;
  readonly checks: readonly ProofCheck[];
  readonly traits: readonly Trait[];
  readonly reuse?: CacheReuse;
  /** The same prompts, in the same order, on every engine of a test. */
  readonly answers?: readonly AskedTwice[];
  readonly experiment?: number;
  /** While it was measured its cache had no room left, as this line of its log says. */
  readonly wasFull?: string;
}
