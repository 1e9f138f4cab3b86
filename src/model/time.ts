/** A length of time or a moment since an origin, in seconds. What people read and the measure room computes with. */
export type Seconds = number;

/**
 * A moment on a run's monotonic clock, in whole nanoseconds since the run's origin. Exact below 2^53, which is 104 days.
 * What is stamped and what the journal stores.
 */
export type Nanoseconds = number;

export function toSeconds(at: Nanoseconds): Seconds {
  return at / 1e9;
}

export function toNanoseconds(length: Seconds): Nanoseconds {
  return Math.round(length * 1e9);
}
