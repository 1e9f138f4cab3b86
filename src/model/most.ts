/** Beyond these nothing is measured, but memory filled: told as the author's mistake before anything is made of it. */
export const most = {
  /** Of an experiment, all blocks: each is kept from its plan to its report, in about a kilobyte. */
  requests: 1_000_000,
  /** Of one prompt or one answer. Of so many its text alone has 60 MB. */
  tokens: 10_000_000,
  /** Of all the different prompts of an experiment: they are made beforehand, and have 1.6 GB. */
  tokensInAll: 100_000_000,
  /** Users of a closed loop, each of whom sends at least one request. */
  concurrency: 1_000_000,
  /** Many times what one machine can send. */
  perSecond: 1_000_000,
  /** GPUs of one engine. */
  gpus: 1_024,
} as const;
