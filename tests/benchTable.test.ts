import { expect, test } from "vitest";

import type { ClientName } from "../bench/cells.ts";
import { runsToTheLastKept } from "../bench/kept.ts";
import { report, type Run } from "../bench/table.ts";

const levels = [500, 1_000, 1_300, 1_600, 2_000];

function paced(client: ClientName, streams: number, p99: number, serverLate = 0): Run {
  return { cell: `kept-${streams}`, client, load: 0, serverLate, measured: { stamp_error_us: { n: 1, p50: 1, p99, max: p99 } } };
}

function tableOf(runs: readonly Run[], cores: string): string {
  return report({ date: "2026-11-26T00:00:00Z", quick: false, machine: { cores }, runs });
}

test("the most streams kept within 1 ms are found in three runs of five", async () => {
  for (const [index, most] of [0, ...levels].entries()) {
    const runs = await runsToTheLastKept(levels, async (streams) => paced("tandem", streams, streams > most ? 1_001 : 999));
    expect(runs.length).toBeLessThanOrEqual(3);
    const said = index === 0 ? "fewer than 500" : index === levels.length ? "at least 2,000 (1)" : `${most.toLocaleString("en-US")} (1)`;
    expect(tableOf(runs, "2")).toContain(`| streams | ${said} |`);
  }
});

test("a run whose server was late tells nothing of its client, and the table says so", () => {
  const table = tableOf([paced("tandem", 500, 20, 0.02), paced("c", 500, 5_000), paced("c", 500, 20, 0.5)], "2");
  expect(table).toContain("| streams | – | fewer than 500 |");
  expect(table).toContain("The server itself was late in 2 of these 3 runs");
});

test("two load threads beside the server on two cores are told to be too few, and on three are not", () => {
  const runs = [paced("tandem", 500, 20), paced("tandem-two", 500, 20)];
  expect(tableOf(runs, "2")).toContain("2 cores are too few for two load threads beside the server");
  expect(tableOf(runs, "3")).not.toContain("too few");
  expect(tableOf(runs.slice(0, 1), "2")).not.toContain("too few");
});
