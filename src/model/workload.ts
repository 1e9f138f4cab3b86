import type { Draw } from "./draw.ts";
import type { Arrival, Request } from "./request.ts";

/** Options as they are printed, stored and hashed: plain data. What an author gives as such is looked at, since an interface has no index. */
export type Options = Readonly<Record<string, string | number | boolean | undefined>>;

/** The requests of one block of an experiment, from a seed: the same for every engine. */
export interface Workload {
  readonly kind: string;
  /** Texts, numbers, true and false. */
  readonly options: object;
  readonly seed: number;
  readonly requests: readonly Request[];
}

/** When requests are due. */
export interface Arrivals {
  readonly kind: string;
  /** Texts, numbers, true and false. */
  readonly options: object;
  /** In words, for headings and pages: "one every 8 s". Kind and options unless said. */
  readonly phrase?: string;
  /**
   * When each of `count` requests is due, from a seeded stream: offsets from the start of the experiment, ascending, or a pause after one before
   * it, which goes by its position.
   */
  schedule(count: number, draw: Draw): readonly Arrival[];
}

export interface WorkloadGenerator {
  readonly kind: string;
  /** Texts, numbers, true and false. */
  readonly options: object;
  /** For a page's heading: "8,192 context tokens, 10 questions". */
  readonly title: string;
  /** What its author may not have meant by these options, in words: a warning before anything boots, and no mistake. */
  readonly doubt?: string;
  /**
   * The requests of one block, the first unless said. A later one has the schedule of the first and prompts of its own; prompts that
   * were recorded stay what they are.
   */
  generate(arrivals: Arrivals, seed: number, block?: number): Workload;
  /** The same workload with another number of requests, for `--requests`. */
  resized(requests: number): WorkloadGenerator;
}
