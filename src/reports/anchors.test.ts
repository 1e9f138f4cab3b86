import { expect, test } from "vitest";

import { answered, experimentOf, record, type Event } from "../measure/fixture.ts";
import { engineSummary } from "../measure/summary.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { anchorSentences } from "./anchors.ts";

test("where few requests were late, and only the p99 differs, it is told of TTFT, with who was late", () => {
  const records = waiting(700, 0.5, ({ request }) => (request % 50 === 0 ? 2 : 0));
  expect(sentences(records)).toEqual([
    "plain: from when requests were due, TTFT is 2.50 s instead of 500 ms (p99); E2E latency is 12.5 s instead of 10.5 s (p99). " +
      "That is what a user waits; from when they were sent it is what the engine takes. " +
      "The harness was late, with what it sent: 0 ms (median), at most 2.00 s.",
  ]);
});

test("where all were late both are told that differ by more than a tenth, and a latency that is longer by less is not", () => {
  const [sentence = ""] = sentences(waiting(100, 0.5, () => 0.5));
  expect(sentence).toContain("TTFT is 1.00 s instead of 500 ms (median) and 1.00 s instead of 500 ms (p90). That");
  expect(sentences(waiting(100, 0.5, () => 0.04))).toEqual([]);
});

test("of requests that fell due at once the writing itself is named, and of those that were sent again the server's closed connection", () => {
  const burst = Array.from({ length: 500 }, (_, request) => record([[0.03]], { request, sent: request * 40e-6, contextTokens: 64 }));
  expect(sentences(burst)[0]).toContain("Many fell due at once and were written one after the other, each as late as those before it take");
  const again = waiting(100, 0.5, () => 1).map((one) =>
    one.request < 60 ? { ...one, attempts: 2, firstSent: one.due } : { ...one, sent: one.due },
  );
  expect(sentences(again)[0]).toContain("60 requests had to be sent again, because the server had closed the connection");
});

test("in a closed loop it is said that waiting for a turn is in neither, and where nothing differs nothing is said", () => {
  const loop = waiting(100, 0.5, () => 0.5).map((one) => ({ ...one, after: one.request - 4 }));
  expect(sentences(loop)[0]).toContain("What follows another request is due when that one has ended: its wait for that end is in neither.");
  expect(sentences(answered("plain", [0.5, 0.5]))).toEqual([]);
});

/** One a second, each answered so long after it was sent, with the last of its tokens 10 s later. */
function waiting(count: number, wait: Seconds, lag: (of: { request: number }) => Seconds): readonly RequestRecord[] {
  return Array.from({ length: count }, (_, request) => {
    const sent = request + lag({ request });
    const events: readonly Event[] = [[sent + wait], [sent + wait + 10]];
    return record(events, { request, due: request, sent });
  });
}

function sentences(records: readonly RequestRecord[]): readonly string[] {
  return anchorSentences([engineSummary("plain", records)], experimentOf(records)).map((block) =>
    block.kind === "paragraph" ? block.text : "",
  );
}
