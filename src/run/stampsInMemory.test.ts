import { expect, test } from "vitest";

import type { Recorder } from "../model/recorder.ts";
import { StampsInMemory } from "./stampsInMemory.ts";

test("every token comes back with its request, however many there are and whoever they come between", () => {
  const memory = new StampsInMemory();
  const recorder: Recorder = memory;
  const exchanges = Array.from({ length: 5_000 }, (_, request) =>
    recorder.due({ experiment: 0, block: 0, engine: "truth", request, start: 100, due: request }),
  );
  for (const exchange of exchanges) recorder.stamp(exchange, "sent", 200 + exchange, 0);
  for (let round = 0; round < 3; round++) for (const exchange of exchanges) recorder.texts(exchange, 10_000 * (round + 1) + exchange, 2);
  recorder.stamp(0, "text", 99_999, 1);
  recorder.stamp(0, "done", 99_999, 0);
  expect(memory.stamped).toHaveLength(5_000);
  expect(memory.stamped[0]?.tokens).toEqual([10_000, 10_000, 20_000, 20_000, 30_000, 30_000, 99_999]);
  expect(memory.stamped[4_999]).toEqual({
    id: "4999",
    due: 5_099,
    sent: 5_199,
    tokens: [14_999, 14_999, 24_999, 24_999, 34_999, 34_999],
  });
});
