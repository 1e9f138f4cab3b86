import * as fc from "fast-check";
import { expect, test } from "vitest";
import { chunksAt } from "../measure/fixture.ts";
import { figuresOf } from "../measure/testFigures.ts";
import { consoleTable, type Style } from "./consoleTable.ts";
import { experimentPage } from "./experimentPage.ts";
import { firstPage } from "./firstPage.ts";
import { fixture } from "./fixture.ts";

const bare: Style = (_, text) => text;

function linesOf(options: Parameters<typeof fixture>[0] = {}, columns = 80): readonly string[] {
  const result = fixture(options);
  return consoleTable(result, figuresOf(result), { columns, style: bare });
}

test("says first that nothing was measured when engines were simulated", () => {
  expect(linesOf()[0]).toBe("simulated: no engine was measured");
  expect(linesOf({ simulated: false })[0]).toBe("8,192 context tokens, 10 questions");
});

test("the comparison stands before the table", () => {
  const lines = linesOf({ contexts: [8_192], requests: 20 });
  const verdict = lines.findIndex((line) => line.startsWith("  better"));
  const table = lines.findIndex((line) => line.includes("TPOT"));
  expect(verdict).toBeGreaterThan(0);
  expect(table).toBeGreaterThan(verdict);
});

/** Half as long as on the baseline where it is warm, 1.5 times as long where it is cold. */
const coldIsWorse: Parameters<typeof fixture>[0] = {
  contexts: [8_192],
  repeats: 8,
  ttft: ({ engine, request }) => (engine === "plain" ? 1 : request === 0 ? 1.5 : 0.5),
};

test("a part of the requests that came out worse is told, though another one is the answer", () => {
  const verdicts = linesOf(coldIsWorse, 200).filter((line) => /^ {2}(better|worse|inconclusive|equivalent) /.test(line));
  expect(verdicts.map((line) => line.trim().split(/ {2,}/)[0])).toEqual(["better", "equivalent", "worse"]);
  expect(verdicts[2]).toMatch(/cached takes 1\.50 times as long to the first token as plain .*, cold, 8 pairs/);
  const result = fixture(coldIsWorse);
  const told = firstPage(result, figuresOf(result)).flatMap((block) => (block.kind === "paragraph" ? [block.label] : []));
  expect(told).toContain("worse");
});

test("what may be by chance among many comparisons is told once, on the terminal and on the first page, and not where there are few", () => {
  const noisy: Parameters<typeof fixture>[0] = {
    engines: ["a", "b", "c", "d", "slow", "plain"],
    ttft: ({ engine, request, context }) =>
      (engine === "slow" ? 9 : 1) * Math.exp(Math.sin((request + 1) * (context % 97) * engine.charCodeAt(0))),
  };
  const saying = (options: Parameters<typeof fixture>[0]) => linesOf(options, 200).filter((line) => line.includes("if no engine differed"));
  expect(saying(noisy)).toEqual([
    expect.stringMatching(/^ {2}by chance {5}about \d\.\d of \d+ comparisons would be better or worse if no engine/),
  ]);
  expect(saying({})).toEqual([]);
  const result = fixture(noisy);
  const told = firstPage(result, figuresOf(result)).flatMap((block) => (block.kind === "paragraph" ? [block.label] : []));
  expect(told.filter((label) => label === "by chance")).toEqual(["by chance"]);
});

test("a gate that could not tell is the last thing that is said", () => {
  const { manifest, ...rest } = fixture({ contexts: [8_192], requests: 3 });
  const result = { ...rest, manifest: { ...manifest, failOn: "worse" } as const };
  expect(consoleTable(result, figuresOf(result), { columns: 400, style: bare }).at(-1)).toMatch(
    /^ {2}not gated {5}--fail-on worse could not tell/,
  );
});

test("goodput is told of every engine beside its objectives, failures in its denominator, and nowhere without objectives", () => {
  const half = ({ engine, request }: { engine: string; request: number }) =>
    request === 9 ? undefined : engine === "plain" && request % 2 === 0 ? 1 : 0.1;
  const options = { contexts: [8_192], ttft: half, slo: { ttft: 0.5, e2e: 60 } };
  expect(
    linesOf(options, 200)
      .find((line) => line.includes("goodput"))
      ?.trim(),
  ).toBe("goodput       cached 90 % (9 of 10), plain 40 % (4 of 10) of requests due kept TTFT within 500 ms and E2E within 60 s");
  expect(linesOf({ contexts: [8_192], ttft: half }).join("\n")).not.toContain("goodput");
});

test("no line is longer than the terminal, whatever the engines are called", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-z-]{1,120}$/), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 80, max: 200 }),
      (engines, columns) => {
        const lines = linesOf(
          { engines, contexts: [24_576], requests: 3, ttft: ({ request }) => (request === 1 ? undefined : 123.456) },
          columns,
        );
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      },
    ),
    { numRuns: 30 },
  );
});

test("an engine that failed every request has dashes, not zeros", () => {
  const lines = linesOf({ contexts: [8_192], requests: 10, ttft: ({ engine }) => (engine === "plain" ? undefined : 0.5) });
  expect(
    lines
      .find((line) => /^ {2}plain .*10\/10$/.test(line))
      ?.split(/ +/)
      .slice(2, 6),
  ).toEqual(["–", "–", "–", "–"]);
});

test("where most tokens come together with the one before, it is said why ITL is 0, of that engine alone", () => {
  const plain = fixture({ contexts: [8_192] });
  const inPairs = (at: Float64Array, of: number) => at.map((_, index) => at[index - (index % of)] ?? 0);
  const bunched = (of: number) => {
    const experiments = plain.experiments.map((experiment) => ({
      ...experiment,
      records: experiment.records.map((record) =>
        record.engine === "cached" ? { ...record, chunks: chunksAt(record.chunks, (moments) => inPairs(moments, of)) } : record,
      ),
    }));
    const result = { ...plain, experiments };
    const figures = figuresOf(result);
    const page = experiments.flatMap((experiment, index) => experimentPage(experiment, figures.experiments[index]!, result));
    return [consoleTable(result, figures, { columns: 80, style: bare }).join("\n"), JSON.stringify(page)];
  };
  for (const told of bunched(4)) {
    expect(told).toContain("cached: most tokens come in the same read");
    expect(told).not.toContain("plain: most tokens");
  }
  for (const told of bunched(1)) expect(told).not.toContain("most tokens");
});

test("of requests that were sent twice a single one is told, on paper too", () => {
  const plain = fixture({ contexts: [8_192] });
  const experiments = plain.experiments.map((experiment) => ({
    ...experiment,
    records: experiment.records.map((record, index) => (index === 3 ? { ...record, attempts: 2 } : record)),
  }));
  const told = "cached: 1 of 10 requests, because it had closed the connection; TTFT and E2E latency count from the second time";
  const result = { ...plain, experiments };
  const figures = figuresOf(result);
  expect(consoleTable(result, figures, { columns: 200, style: bare })).toContain(`  sent twice    ${told}`);
  const page = experiments.flatMap((experiment, index) => experimentPage(experiment, figures.experiments[index]!, result));
  expect(page).toContainEqual({ kind: "paragraph", tone: "quiet", label: "sent twice", text: `${told}.` });
  expect(linesOf({ contexts: [8_192] }).join()).not.toContain("sent twice");
});

test("requests that were cut off are told below the table, which stays within 80 columns, and on paper too", () => {
  const plain = fixture({ contexts: [8_192] });
  const cut = plain.experiments.map((experiment) => ({
    ...experiment,
    records: experiment.records.map((record) => (record.request < 8 ? record : { ...record, outcome: { kind: "cancelled" } as const })),
  }));
  const result = { ...plain, experiments: cut };
  const figures = figuresOf(result);
  const lines = consoleTable(result, figures, { columns: 80, style: bare });
  expect(lines.find((line) => line.startsWith("  cached "))).toMatch(/ 0\/10$/);
  const told = "cached 2 of 10, plain 2 of 10 requests due: nobody knows what would have become of them";
  expect(consoleTable(result, figures, { columns: 200, style: bare })).toContain(`  unfinished    ${told}`);
  const text = `8,192 context tokens, 10 questions: ${told}.`;
  expect(firstPage(result, figures)).toContainEqual({ kind: "paragraph", tone: "warning", label: "unfinished", text });
  expect(linesOf({ contexts: [8_192] }).join()).not.toContain("unfinished");
});

test("what a cache brings stands with the number of requests it rests on", () => {
  const lines = linesOf({ contexts: [8_192], repeats: 6 });
  const table = lines.slice(lines.findIndex((line) => line.startsWith("  cache ")));
  expect(table[0]).toBe("  cache   TTFT cold  n  TTFT warm   n   gain  cost of storing");
  expect(table[1]).toMatch(/^ {2}cached +[\d.]+ s {2}6 +[\d.]+ ms {2}54 +[\d.]+× +[+−][\d.]+ %$/);
  expect(table[2]).toMatch(/^ {2}plain +[\d.]+ s {2}6 +[\d.]+ s {2}54 +[\d.]+× +–$/);
  expect(table[3]).toBe("");
});

test("one cold request is no gain, and the reason is told once for all engines", () => {
  const lines = linesOf({ contexts: [8_192] });
  expect(lines.filter((line) => line.includes("×"))).toEqual([]);
  expect(lines).toContain("  left out      gain of cached, plain: 1 cold and 9 warm requests are too few, 6");
});

test("a cost of storing that may be none is its interval, and what would settle it stands below", () => {
  const ttft = ({ engine, request, block }: { engine: string; request: number; block: number }) =>
    engine === "cached" ? (request === 0 ? 1 + 0.1 * Math.sin(block * 2.3) : 0.2) : 1;
  const lines = linesOf({ contexts: [8_192], repeats: 6, ttft }, 200);
  expect(lines.find((line) => /^ {2}cached .*×/.test(line))).toMatch(/ −[\d.]+ % to \+[\d.]+ %$/);
  expect(lines).toContain(
    "  left out      cost of storing of cached: whether there is one is not settled, its 95 % interval holds 0: ask about more documents, or say repeats",
  );
});

test("engines without a sign of a cache have no such table", () => {
  expect(linesOf({ engines: ["fast", "slow"], repeats: 6 }).filter((line) => /^ {2}cache |left out/.test(line))).toEqual([]);
});
