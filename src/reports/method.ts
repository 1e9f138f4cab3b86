import type { TestResult } from "../model/result.ts";
import type { Block } from "./document.ts";

/** What each number means, in few words. The whole of it is in docs/measurement.md. */
export function method({ ttftAnchor }: TestResult): readonly Block[] {
  return [
    { kind: "heading", level: 2, text: "What the numbers mean" },
    { kind: "list", items: [ttftAnchor === "sent" ? ttftFromSent : ttftFromHeaders, ...meanings] },
  ];
}

const ttftFromSent =
  "TTFT, time to first token: from just before the request's first byte is sent to the first event that carries generated text, reasoning or a tool call.";

const ttftFromHeaders =
  "TTFT, time to first token: here counted from the response headers, as lmcache-tests wrote it. It leaves out what happens before them, so the true wait is longer.";

const meanings: readonly string[] = [
  "E2E latency: from sent to the last generated event.",
  "ITL, inter-token latency: the gaps between events that carry tokens; an event of k tokens is one gap that counts k times.",
  "TPOT, time per output token: (E2E − TTFT) / (output tokens − those of the first event, nearly always 1). Throughput within a request is its inverse, in tokens/s.",
  "Output tokens/s and requests/s of the whole experiment: from the first request sent to the last one ended, per engine.",
  "Cold: nothing of the prompt had been sent before. Warm: the whole context had. Gain: cold divided by warm. Storing: what filling the cache costs, as the longer time to first token of a cold request than on the baseline, where this engine stores more than the baseline does; an interval in its place holds 0, so that whether there is a cost is not settled. In brackets: of how many requests.",
  "Median and percentiles are nearest-rank values of what was measured. A p90 needs 64 values and a p99 needs 662, else it is left out. Failed requests have no latency, but stay in every count.",
  "Waves: requests that were due at once, or in one round of a closed loop. What befalls a wave befalls all of it, so where there are waves intervals go over them, those of means and of comparisons, and of fewer than 6 there is none.",
  "Comparison: the same seeded requests on both engines, paired one by one. The ratio is the geometric mean over the pairs; above 1 is better for the engine named first. The interval is a 95 % bootstrap interval, widened where neighbouring pairs are alike. Better, worse and equivalent all need the interval to clear the margin (5 % unless stated), and equivalent takes 59 pairs: fewer may miss what slows one request in 20. Otherwise the answer is inconclusive. Tails are not compared.",
  "Within this boot: engines were started once, so differences between one start and the next are not in the interval.",
  `A dash is no data. It is never zero.`,
];
