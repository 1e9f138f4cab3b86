import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { folder, quickTest, tandem, type Folder } from "../src/cli/fixture.ts";
import { realClock } from "../src/host/realClock.ts";
import { thisMachine } from "../src/host/thisMachine.ts";
import { startGroundTruth } from "../src/run/groundTruth.ts";

interface Compared {
  readonly metric: string;
  readonly cache: string;
  readonly pairs: number;
  readonly interval?: readonly number[];
  readonly verdict: string;
}

interface Figures {
  readonly experiments: readonly {
    readonly comparisons: readonly Compared[];
    readonly engines: readonly { readonly requests: number }[];
    readonly receive_stamps?: { readonly kernel: number; readonly read: number };
  }[];
  readonly validity: { readonly state: string };
}

test("an engine against itself is never better or worse, whatever the machine does meanwhile", async () => {
  using where = folder();
  const file = where.write(
    "same.ts",
    `import { documentQa, experiment, poisson, simulated, testCase } from "tandem";
export function test_same() {
  const engine = simulated({ prefixCaching: false });
  return testCase({
    engines: { one: engine, other: engine },
    baseline: "one",
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 1024, questionTokens: 8, documents: 16, requests: 16, outputTokens: 8 }),
        arrivals: poisson({ perSecond: 4 }),
        order: "interleaved",
      }),
    ],
  });
}
`,
  );
  await tandem(["run", file, "-o", where.at("out")]);
  const { experiments } = figures(where, "test_same.simulated.json");
  const verdicts = experiments.flatMap(({ comparisons }) => comparisons.map(({ verdict }) => verdict));
  expect(verdicts).toHaveLength(2);
  expect(verdicts.filter((verdict) => verdict !== "equivalent" && verdict !== "inconclusive")).toEqual([]);
});

// By chance alone one interval of 95 % in twenty misses the truth, so one run of four comparisons in five or six. A verdict takes more: it also
// clears the margin, 5 % or 5 ms here. On a crowded machine pairs differed by 10 %, which is 1 % of 90 pairs and 3 % of 10: even so the mean would
// have to be off by four times its own error and more. So there is no second try: a single "better" is a failure.
test("two ground-truth engines that are alike are compared in every way, and neither is better or worse", async () => {
  using where = folder();
  const timetable = { first: 0.1, gap: 0.005 };
  await using one = await startGroundTruth(realClock(), thisMachine());
  await using other = await startGroundTruth(realClock(), thisMachine());
  const load = ["--api", "completions", "--context", "64", "--requests", "100", "--rate", "20"];
  const { code } = await tandem(["run", "--attach", one.way(timetable).url, other.way(timetable).url, ...load, "-o", where.at("out")], {
    within: 110,
  });
  expect([0, 4]).toContain(code); // a busy machine makes it INVALID, and is no reason to prefer one
  const comparisons = figures(where, "attach.json").experiments.flatMap((experiment) => experiment.comparisons);
  expect(comparisons.map(({ metric, cache, pairs }) => `${metric} ${cache} ${pairs}`)).toEqual([
    "ttft cold 10",
    "throughput cold 10",
    "ttft warm 90",
    "throughput warm 90",
  ]);
  for (const { interval, verdict } of comparisons) {
    expect(interval).toEqual([expect.any(Number), expect.any(Number)]);
    expect(["equivalent", "inconclusive"]).toContain(verdict);
  }
}, 120_000);

test("ten times what an engine can take: it ends, every due request is in the records, and it is not called valid", async () => {
  using where = folder();
  const file = where.write(
    "flood.ts",
    `import { documentQa, every, experiment, simulated, testCase } from "tandem";
export function test_flood() {
  return testCase({
    engines: { only: simulated({ prefixCaching: false }) },
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 4096, questionTokens: 8, documents: 400, requests: 400, outputTokens: 4 }),
        arrivals: every({ seconds: 0.01 }),
        deadlines: { request: 3 },
      }),
    ],
  });
}
`,
  );
  const { code } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
  const { validity } = figures(where, "test_flood.simulated.json");
  const rows = where.read("out", "test_flood.simulated.csv").trim().split("\n").slice(1);
  expect(rows).toHaveLength(400);
  expect(rows.filter((row) => /,(failed|dropped),/.test(row)).length).toBeGreaterThan(100);
  expect([code, validity.state]).toEqual([4, "INVALID"]);
});

const hasCompiler = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

test.runIf(hasCompiler)(
  "the kernel stamps what is received, unless --stamps read says otherwise, and the result says who did",
  async () => {
    using where = folder();
    const file = where.write("quick.ts", quickTest());
    const of = async (...flags: readonly string[]) => {
      await tandem(["run", file, "-o", where.at("out"), "--no-calibration", ...flags]);
      return figures(where, "test_quick.simulated.json").experiments[0]?.receive_stamps;
    };
    const { kernel, read } = (await of()) ?? { kernel: 0, read: 0 };
    expect(kernel).toBeGreaterThan(24);
    expect(read).toBeLessThan(kernel / 10);
    expect(await of("--stamps", "read")).toEqual({ kernel: 0, read: expect.any(Number) });
  },
);

function figures(where: Folder, file: string): Figures {
  return JSON.parse(readFileSync(where.at("out", file), "utf8")) as Figures; // as src/reports/json.ts writes it
}
