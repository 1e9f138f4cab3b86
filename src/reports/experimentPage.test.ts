import { expect, test } from "vitest";
import { figuresOf } from "../measure/testFigures.ts";
import type { RequestRecord } from "../model/record.ts";
import { experimentPage } from "./experimentPage.ts";
import { fixture } from "./fixture.ts";

interface Drawn {
  readonly engine: string;
  readonly position: number;
  readonly request: number;
  readonly value: number | null;
}

/** What the figure of that title draws. */
function drawn(title: string, change: (record: RequestRecord) => RequestRecord): readonly Drawn[] {
  const plain = fixture({ contexts: [8_192], requests: 4 });
  const experiments = plain.experiments.map((experiment) => ({ ...experiment, records: experiment.records.map(change) }));
  const result = { ...plain, experiments };
  const figures = figuresOf(result);
  const page = experiments.flatMap((experiment, index) => experimentPage(experiment, figures.experiments[index]!, result));
  const figure = page.find((block) => block.kind === "figure" && block.title === title);
  return (figure as unknown as { spec: { data: { values: Drawn[] } } }).spec.data.values; // as charts.ts makes them
}

test("requests are drawn in the order in which they fell due, whatever their numbers are: two sessions of two turns", () => {
  const dues = [0, 3e9, 1e9, 4e9];
  const points = drawn("Time to first token, request by request", (record) => ({ ...record, due: dues[record.request]! }));
  const ofOne = points.filter(({ engine }) => engine === "plain").sort((a, b) => a.position - b.position);
  expect(ofOne.map(({ position, request }) => [position, request])).toEqual([
    [0, 0],
    [1, 2],
    [2, 1],
    [3, 3],
  ]);
});

test("a request has one place on all engines: its first, where it fell due at another time on each; and blocks follow one another", () => {
  const dues: Readonly<Record<string, readonly number[]>> = { cached: [0, 9, 1, 5], plain: [0, 3, 8, 4] };
  const points = drawn("Time to first token, request by request", (record) => ({
    ...record,
    block: record.request === 0 ? 1 : 0,
    due: dues[record.engine]![record.request]! * 1e9,
  }));
  const places = (engine: string) => points.filter((point) => point.engine === engine).map(({ request, position }) => [request, position]);
  expect(places("cached")).toEqual([
    [0, 3],
    [1, 1],
    [2, 0],
    [3, 2],
  ]);
  expect(places("plain")).toEqual(places("cached"));
});

test("a reply of one token has no throughput, and no cross, which is for what did not complete", () => {
  const ofOneToken = (record: RequestRecord) => (record.request === 2 ? { ...record, outputTokens: 1 } : record);
  const points = drawn("Throughput, request by request", ofOneToken);
  expect(points.map(({ request }) => request)).toEqual([0, 1, 3, 0, 1, 3]);
  expect(points.every(({ value }) => value !== null)).toBe(true);
});

test("a mean is told with the waves that its requests came in; of few there is no interval", () => {
  const meanOf = (perWave: number) => {
    const plain = fixture({ contexts: [8_192], requests: 24, ttft: ({ request }) => 1 + 0.1 * Math.sin(request) });
    const experiments = plain.experiments.map((experiment) => ({
      ...experiment,
      records: experiment.records.map((record): RequestRecord => ({
        ...record,
        cache: "cold",
        due: Math.floor(record.request / perWave) * 1e11,
      })),
    }));
    const result = { ...plain, experiments };
    const page = experimentPage(experiments[0]!, figuresOf(result).experiments[0]!, result);
    const rows = page.flatMap((block) => (block.kind === "table" ? block.rows : []));
    return rows.find(([name]) => name === "TTFT, all requests, mean (95 % interval)")?.[1];
  };
  expect(meanOf(12)).toBe("1.00 s (2 waves)");
  expect(meanOf(3)).toMatch(/^1\.00 s \(9\d\d ms to 1\.0\d s, 8 waves\)$/);
  expect(meanOf(1)).toMatch(/^1\.00 s \(9\d\d ms to 1\.0\d s\)$/);
});
