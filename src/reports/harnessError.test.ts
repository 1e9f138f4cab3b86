import { expect, test } from "vitest";

import { answered, experimentOf } from "../measure/fixture.ts";
import { replayedReadings } from "../measure/replayedLoad.ts";
import { rulerReadings } from "../measure/rulerError.ts";
import type { Reading } from "../model/record.ts";
import { harnessErrorLine, harnessErrorTable } from "./harnessError.ts";

const measured = rulerReadings("control stream", {
  ttft: { count: 40, p50: 0.0003, max: 0.001 },
  stamp: { count: 800, p50: 0.00001, p99: 0.00004, max: 0.0009 },
  gap: { count: 760, p50: 0.00001, p99: 0.00002, max: 0.0009 },
}).map((reading): Reading => ({ ...reading, at: 1e9 }));

test.each([
  [9_990, 10, "What was received is stamped by the kernel, when it came in (10 of 10,000 reads were stamped when they were read).", true],
  [10_000, 0, "What was received is stamped by the kernel, when it came in.", true],
  [0, 10_000, "What was received is stamped when it is read.", false],
] as const)("of %d reads that the kernel stamped and %d others, the report and the terminal say so", (kernel, read, sentence, isSaid) => {
  const experiment = experimentOf(answered("plain", [0.5]), [...measured, ...stamps(kernel / 2, read), ...stamps(kernel / 2, 0)]);
  expect(harnessErrorTable(experiment).at(-1)).toEqual({ kind: "paragraph", tone: "quiet", text: sentence });
  expect(harnessErrorLine(experiment)?.endsWith("; stamped by the kernel")).toBe(isSaid);
});

test("where there are too few values for a p99, a p95 is told and called one", () => {
  const short = rulerReadings("control stream", { stamp: { count: 320, p50: 0.00001, p95: 0.0004, max: 0.055 } });
  const experiment = experimentOf(
    answered("plain", [0.5]),
    short.map((reading): Reading => ({ ...reading, at: 1e9 })),
  );
  expect(harnessErrorLine(experiment)).toContain("a token's stamp 0.0100 ms, p95 0.400 ms");
});

test("a stream of control of twelve seconds tells its p98, and a quiet replay does not hide it", () => {
  const stopped = rulerReadings("control stream", { stamp: { count: 520, p50: 0.00001, p95: 0.00006, p98: 0.06, max: 0.12 } });
  const quiet = rulerReadings("replay after", {
    stamp: { count: 1_408, p50: 0.00001, p95: 0.00005, p98: 0.00008, p99: 0.0001, max: 0.0002 },
  });
  const experiment = experimentOf(
    answered("plain", [0.5]),
    [...stopped, ...quiet].map((reading): Reading => ({ ...reading, at: 1e9 })),
  );
  expect(harnessErrorLine(experiment)).toContain("a token's stamp 0.0100 ms, p98 60.0 ms");
});

test.each([
  [{ streams: 64, tokensPerSecond: 3_100 }, { streams: 64, tokensPerSecond: 2_900 }, "After it, the same load"],
  [
    { streams: 8, tokensPerSecond: 560 },
    { streams: 1, tokensPerSecond: 46 },
    "After it, 8 streams in place of 1 and 560 tokens/s in place of 46",
  ],
  [{ streams: 64, tokensPerSecond: 566 }, { streams: 64, tokensPerSecond: 32 }, "After it, 566 tokens/s in place of 32"],
  [{ streams: 2_000, tokensPerSecond: 9e4 }, { streams: 5_000, tokensPerSecond: 9e4 }, "After it, 2,000 streams in place of 5,000"],
])("a replay of %o in place of %o is called so", (replayed, observed, title) => {
  const error = rulerReadings("replay after", { stamp: { count: 700, p50: 0.00001, p99: 0.0004, max: 0.001 } });
  const readings = [...error, ...replayedReadings({ replayed, observed })].map((reading): Reading => ({ ...reading, at: 1e9 }));
  const table = harnessErrorTable(experimentOf(answered("plain", [0.5]), readings)).find(({ kind }) => kind === "table");
  expect(table).toMatchObject({ columns: [{}, { title }] });
});

test("who stamped is said also where our own error was not measured, and not where nobody wrote it down", () => {
  const records = answered("plain", [0.5]);
  expect(harnessErrorTable(experimentOf(records, stamps(0, 12)))).toHaveLength(1);
  expect(harnessErrorTable(experimentOf(records))).toEqual([]);
});

/** Of one load thread. */
function stamps(kernel: number, read: number): readonly Reading[] {
  const counts = { "kernel-stamps-count": kernel, "read-stamps-count": read };
  return Object.entries(counts).map(([series, value]) => ({ at: 2e9, series, of: "harness", value }));
}
