import { describe, expect, test } from "vitest";
import { svg } from "../render/svg.ts";
import { chartWidths, distribution, effects, perRequest, type RequestPoint } from "./charts.ts";

const axis = { title: "TTFT", unit: "s", size: "half" } as const;

function point(engine: string, position: number, value?: number): RequestPoint {
  return {
    engine,
    position,
    request: position,
    cache: "cold",
    outcome: value === undefined ? "failed" : "completed",
    ...(value === undefined ? {} : { value }),
  };
}

const comparison = {
  experiment: 0,
  metric: "ttft",
  cache: "warm",
  baseline: "b",
  other: "a",
  pairs: 9,
  effect: 2,
  interval: [1.9, 2.1],
  margin: 0.05,
  verdict: "better",
} as const;

const cases: Readonly<Record<string, readonly RequestPoint[]>> = {
  "one request of one engine": [point("a", 0, 0.5)],
  "every value the same": [point("a", 0, 2), point("a", 1, 2), point("b", 0, 2), point("b", 1, 2)],
  "an engine that failed every request": [point("a", 0, 0.5), point("a", 1, 0.6), point("b", 0), point("b", 1)],
  "values that differ ten thousandfold": [point("a", 0, 0.001), point("a", 1, 10), point("b", 0, 0.5), point("b", 1, 0.6)],
};

describe.each(Object.entries(cases))("%s", (_, points) => {
  const engines = [...new Set(points.map(({ engine }) => engine))];
  const measured = points.filter(({ value }) => value !== undefined).length;

  test("has a mark for each value, one for each failure and every engine in its legend", async () => {
    const picture = await svg(perRequest(points, engines, axis));
    expect(marks(picture, "mark-symbol role-mark")).toBe(measured);
    expect(picture.match(/>×</g)?.length ?? 0).toBe(points.length - measured);
    for (const engine of engines) expect(picture).toContain(`>${engine}</text>`);
    expect(picture).not.toMatch(/NaN|Infinity|undefined|…/);
  });

  test("rises once for each value in its distribution", async () => {
    const picture = await svg(distribution(points, engines, axis));
    expect(marks(picture, "mark-symbol role-mark")).toBe(measured);
    expect(picture).not.toMatch(/NaN|Infinity|undefined|…/);
  });
});

test("short times are in milliseconds", async () => {
  expect(await svg(perRequest([point("a", 0, 0.25)], ["a"], axis))).toContain(">TTFT (ms)<");
  expect(await svg(perRequest([point("a", 0, 2.5)], ["a"], axis))).toContain(">TTFT (s)<");
});

test("ten thousand requests are thinned, and the slowest of them is still there", async () => {
  const points = Array.from({ length: 10_000 }, (_, index) => point("a", index, index === 7_777 ? 9 : 1));
  const spec = JSON.stringify(perRequest(points, ["a"], axis));
  expect(spec.length).toBeLessThan(60_000);
  expect(spec).toContain('"position":7777');
});

test("a hundred and fifty thousand requests have their figures too", () => {
  const points = Array.from({ length: 150_000 }, (_, index) => point("a", index, 0.25));
  expect(JSON.stringify(perRequest(points, ["a"], axis))).toContain('"domain":[-0.5,149999.5]');
  expect(JSON.stringify(distribution(points, ["a"], axis))).toContain("TTFT (ms)");
});

test("each engine has a dash and a shape of its own, so that it is known without colour", () => {
  const spec = JSON.stringify(perRequest([point("a", 0, 1), point("b", 0, 1)], ["a", "b"], axis));
  expect(spec).toContain('"range":["circle","square"]');
  expect(spec).toContain('"range":[[1,0],[6,3]]');
});

test("no two of a dozen engines have the same colour and the same dash", () => {
  const engines = Array.from({ length: 12 }, (_, index) => `engine-${index}`);
  const spec = JSON.stringify(
    perRequest(
      engines.map((engine) => point(engine, 0, 1)),
      engines,
      axis,
    ),
  );
  const dashes = JSON.parse(/"range":(\[\[.*?\]\])/.exec(spec)?.[1] ?? "[]") as unknown[]; // dashes, as JSON.stringify wrote them
  expect(dashes).toHaveLength(12);
  expect(dashes.slice(6).filter((dash, index) => JSON.stringify(dash) === JSON.stringify(dashes[index]))).toEqual([]);
});

test("of long titles that end alike the end is left out, and nothing that sets them apart is cut", async () => {
  const titles = ["cached, 1,024", "prefix, 1,024", "cached, 20,480"];
  const drawn = await svg(
    effects(titles.map((title) => ({ label: `${title} context tokens, 24 questions about 6 documents`, comparison }))),
  );
  for (const title of titles) expect(drawn).toContain(`>${title} context tokens…</text>`);
});

test("long titles that differ in their end keep it, and are otherwise cut there", async () => {
  const alike = "1,024 context tokens, 240 questions about 240 documents";
  const drawn = await svg(effects(["5 per second at random", "8 at a time"].map((load) => ({ label: `${alike}, ${load}`, comparison }))));
  expect(drawn).toContain(">1,024 context tokens, 240 questio… 5 per second at random</text>");
  expect(drawn).toContain(">1,024 context tokens, 240 questions about 24… 8 at a time</text>");
  expect(await svg(effects([{ label: `${alike}, 8 at a time`, comparison }]))).toContain(`>${alike},…</text>`);
  const same = await svg(effects([1, 2].map(() => ({ label: `${alike}, 8 at a time`, comparison }))));
  expect(same).toContain("8 at a time (2)</text>");
});

test("long names are not cut", async () => {
  const label = "131,072 context tokens, 1,000 questions, partly cached";
  expect(await svg(effects([{ label, comparison }]))).toContain(`>${label}</text>`);
  const engine = "an-engine-with-quite-a-long-name-indeed";
  expect(await svg(perRequest([point(engine, 0, 1), point("b", 0, 1)], [engine, "b"], axis))).toContain(`>${engine}</text>`);
});

test.each([
  [0.96, 0.97],
  [0.98, 1.02],
  [4.9, 5.6],
  [0.5, 8],
])("the axis of ratios from %d to %d has a few marks, each with its number", async (low, high) => {
  const picture = await svg(effects([{ label: "a", comparison: { ...comparison, effect: low, interval: [low, high] } }]));
  const numbers = [...picture.matchAll(/>([\d.]+)<\/text>/g)].map(([, number = ""]) => number);
  expect(numbers.length).toBeGreaterThanOrEqual(3);
  expect(numbers.length).toBeLessThanOrEqual(10);
  expect(gridLines(picture)).toBe(numbers.length);
});

/** How many shapes a group of marks holds. */
function marks(picture: string, group: string): number {
  return picture
    .split(`class="${group}`)
    .slice(1)
    .map((rest) => rest.slice(0, rest.indexOf("</g>")).match(/<path/g)?.length ?? 0)
    .reduce((sum, found) => sum + found, 0);
}

function gridLines(picture: string): number {
  const grid = picture.split('class="mark-rule role-axis-grid"')[1] ?? "";
  return grid.slice(0, grid.indexOf("</g>")).match(/<line/g)?.length ?? 0;
}

test("long labels leave more than a third of the width to the picture, and those that begin alike stay apart", async () => {
  const label = "RAG with 6 documents, chat-style questions of sixteen tokens, one per second";
  const rows = [1, 2].map((rate) => ({ label: `${label}, ${rate}/s`, comparison }));
  const picture = await svg(effects(rows));
  const [left = 0] = [...picture.matchAll(/transform="translate\((\d+),/g)].map(([, x]) => Number(x));
  expect(left).toBeLessThan(chartWidths.full * 0.62);
  expect(picture).toContain("… 2/s</text>");
});

test("numbers along a small picture's axis stand apart: where there are too many, every other one is left out", async () => {
  const points = Array.from({ length: 24 }, (_, index) => point("a", index, 0.1 + index / 200));
  const picture = await svg(distribution(points, ["a"], axis));
  const shown = [...picture.matchAll(/<text text-anchor="middle" transform="translate\([^>]*opacity="1">(\d+)</g)].map(([, text]) => text);
  expect(shown).toEqual(["0", "40", "80", "120", "160", "200"]);
});
