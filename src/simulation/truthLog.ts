import { closeSync, openSync, writeSync } from "node:fs";

/** What the simulated engine did for one request, in nanoseconds of CLOCK_MONOTONIC, which every process of a machine shares. */
export interface TruthEntry {
  readonly id: string;
  /** The client's x-request-id. */
  readonly requestId?: string;
  /** The head of the request was read. */
  readonly received: number;
  /** Just before the response's head was written. */
  readonly headers?: number;
  /** Just before each token was written; where the answer was not streamed, when the token was there. */
  readonly tokens: readonly number[];
  /** When each token was to be written by the engine's own timetable. */
  readonly due: readonly number[];
  readonly promptTokens: number;
  /** The client went away before the end. */
  readonly cut: boolean;
}

/** Now, on the clock of the truth log. */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e9 + nanoseconds;
}

/** One request while its tokens are written: stamping one is a store into memory that is there already. */
export class TokenStamps {
  private readonly times: Float64Array;
  private readonly dueTimes: Float64Array;
  private taken: number;

  constructor(atMost: number) {
    this.times = new Float64Array(atMost);
    this.dueTimes = new Float64Array(atMost);
    this.taken = 0;
  }

  get count(): number {
    return this.taken;
  }

  stamp(due: number): void {
    this.dueTimes[this.taken] = due;
    this.times[this.taken++] = monotonic();
  }

  all(): readonly number[] {
    return [...this.times.subarray(0, this.taken)];
  }

  allDue(): readonly number[] {
    return [...this.dueTimes.subarray(0, this.taken)];
  }
}

/** A file of JSON lines, one per request that has ended, written one at a time between the engine's steps. */
export class TruthLog {
  private readonly file: number;
  private readonly entries: (() => TruthEntry)[];
  private timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.file = openSync(path, "a");
    this.entries = [];
    this.timer = undefined;
  }

  /** `entry` is made when it is written, not now: tokens of other requests are due. */
  add(entry: () => TruthEntry): void {
    this.entries.push(entry);
    this.timer ??= setTimeout(() => this.writeOne(), 1);
  }

  /** Writes what is left. */
  close(): void {
    clearTimeout(this.timer);
    while (this.entries.length > 0) this.write();
    closeSync(this.file);
  }

  private writeOne(): void {
    this.write();
    this.timer = this.entries.length === 0 ? undefined : setTimeout(() => this.writeOne(), 1);
  }

  private write(): void {
    const entry = this.entries.shift();
    if (entry !== undefined) writeSync(this.file, `${JSON.stringify(entry())}\n`);
  }
}
