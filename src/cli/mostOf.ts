import { availableParallelism } from "node:os";

import { largestSeed } from "../model/draw.ts";
import { most } from "../model/most.ts";
import type { AtMost } from "./flags.ts";

export const mostRequests: AtMost = { value: most.requests, because: "each is kept until it is reported, in about a kilobyte of memory" };

export const mostTokens: AtMost = { value: most.tokens, because: "no model takes such a prompt, whose text alone has more than 60 MB" };

export const mostPerSecond: AtMost = {
  value: most.perSecond,
  because: "no machine sends so many: a core sends some ten thousand a second",
};

export const mostCalibratedPerSecond: AtMost = {
  value: 100_000,
  because: "all requests of 4 s are made beforehand, and a core sends some ten thousand a second",
};

export const mostUsers: AtMost = { value: most.concurrency, because: "each user sends one request at least, and so many are not kept" };

export const mostStreams: AtMost = {
  value: 28_000,
  because: "each stream takes a port, and Linux has 28,232 for all that goes to one address",
};

export const mostTokensPerSecond: AtMost = { value: 100_000, because: "no engine writes a stream so fast, and no client stamps it" };

/** Some more than cores, for whoever wants to see what that costs. */
export function mostWorkers(cores = availableParallelism()): AtMost {
  const value = Math.min(256, Math.max(8, 4 * cores));
  return { value, because: `each wants a core of its own, and this machine has ${cores}: more than ${value} of them only wait` };
}

/** Of a workload. */
export const mostSeed: AtMost = { value: largestSeed, because: "beyond, seeds are the same as smaller ones" };
