import { execFileSync } from "node:child_process";
import { inflateSync } from "node:zlib";

import { expect, test } from "vitest";

import type { Block } from "../reports/document.ts";
import { fixture } from "../reports/fixture.ts";
import { story } from "../reports/story.ts";
import { renderHtml } from "./html.ts";
import { renderPdf } from "./pdf.ts";
import { reports } from "./reports.ts";

const small = () => fixture({ contexts: [8_192], requests: 3, gpuMemory: true });

test("no two reports are of one kind, or would be one file", () => {
  for (const names of [reports.map(({ kind }) => kind), reports.map(({ extension }) => extension)])
    expect(new Set(names).size).toBe(names.length);
});

test("what draws is loaded only as a document is written", () => {
  const hooks = `import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });`;
  const loading = `await import(${JSON.stringify(new URL("reports.ts", import.meta.url).href)}); console.log(loaded.join("\\n"));`;
  const loaded = execFileSync(process.execPath, ["--input-type=module", "-e", hooks + loading], { encoding: "utf8" });
  expect(loaded).toContain("reports/csv.ts");
  expect(loaded).not.toMatch(/pdfmake|vega|reports\/story\.ts/);
});

test("the page loads nothing, from nowhere", async () => {
  const page = await renderHtml(story(small()));
  const markup = page.replaceAll(/<script>[^]*?<\/script>/g, "");
  expect(markup.match(/(?:src|href|action|poster)\s*=\s*"(?!#)[^"]*"|@import|url\([^)]*\)|<(?:link|iframe|img)\b[^>]*>/gi) ?? []).toEqual(
    [],
  );
  expect(markup.includes("<svg")).toBe(true);
});

test("in a table of the page numbers stay whole, and a sentence among them wraps, so that what follows is not pushed out of sight", async () => {
  const result = fixture({ contexts: [8_192], requests: 3 });
  const check = { experiment: 0, check: "tail", ok: false, wanted: "at most 1, but there is no value (a p99 takes 662 measurements)" };
  const page = await renderHtml(story({ ...result, verdicts: [check] }));
  expect(page).toContain(`<td class="right sentence">${check.wanted}</td><td class="right">no data</td>`);
});

test.each([
  [2, "right"],
  [3, "right sentence"],
])("a mean with its interval stays on one line beside few others, and of %i engines it is of class %s", async (count, side) => {
  const engines = ["plain", "cached", "third"].slice(0, count);
  const page = await renderHtml(story(fixture({ engines, contexts: [8_192], requests: 3 })));
  expect(page).toMatch(new RegExp(`<td class="${side}">[\\d.]+\u00a0ms \\([\\d.]+\u00a0ms\u00a0to\u00a0[\\d.]+\u00a0ms\\)<`));
});

test("in a table of the page the title of an experiment stands beside all rows of its engines, and makes none of them tall", async () => {
  const page = await renderHtml(story(fixture({ contexts: [8_192, 16_384], requests: 3 })));
  const starts = [...page.matchAll(/<tr( class="on")?><td( rowspan="2")?>([^<]*)<.td>/g)].map(([, on, span, text]) => [text, on, span]);
  const [on, span] = [' class="on"', ' rowspan="2"'];
  expect(starts.slice(0, 4)).toEqual([
    ["8,192 context tokens, 3 questions", undefined, span],
    ["plain", on, undefined],
    ["16,384 context tokens, 3 questions", undefined, span],
    ["plain", on, undefined],
  ]);
});

test("the page's own scripts are whole: nothing in a library or a name ends them early", async () => {
  const result = fixture({ engines: ["</script><b>", "plain"], contexts: [8_192], requests: 2 });
  const page = await renderHtml(story(result));
  expect(page.match(/<script[ >]/g)?.length).toBe(page.match(/<\/script>/g)?.length);
  expect(page.includes("<b>")).toBe(false);
  expect(page.includes("&lt;/script&gt;&lt;b&gt;")).toBe(true);
});

test("the page stays under two megabytes", async () => {
  expect((await renderHtml(story(fixture()))).length).toBeLessThan(2_000_000);
});

test("a PDF carries the run's date, and none of its own in virtual time", async () => {
  const text = async (document: Parameters<typeof renderPdf>[0]) => Buffer.from(await renderPdf(document)).toString("latin1");
  const document = { title: "a test", subtitle: "", footer: "", blocks: [] };
  expect((await text(document)).match(/\(D:\d+Z\)/)?.[0]).toBe("(D:19700101000000Z)");
  expect((await text({ ...document, created: "2026-11-24T10:00:00.000Z" })).match(/\(D:\d+Z\)/)?.[0]).toBe("(D:20261124100000Z)");
});

/** What is drawn, page by page. */
async function pagesOf(blocks: readonly Block[]): Promise<readonly string[]> {
  const text = Buffer.from(await renderPdf({ title: "a test", subtitle: "", footer: "", blocks })).toString("latin1");
  return [...text.matchAll(/FlateDecode[^]*?stream\n([^]*?)\nendstream/g)].map(([, stream = ""]) => inflated(stream));
}

/** Heights of what is filled with a colour, the lowest first: boxes, and the grounds of labels. */
async function boxesIn(blocks: readonly Block[]): Promise<readonly number[]> {
  const heights = (await pagesOf(blocks)).flatMap((page) => [...page.matchAll(/([\d.]+) re\n/g)].map(([, height]) => Number(height)));
  return heights.sort((one, other) => one - other);
}

function inflated(stream: string): string {
  try {
    return inflateSync(Buffer.from(stream, "latin1")).toString("latin1");
  } catch {
    return ""; // a font
  }
}

test("a box is not torn over the foot of a page, wherever it falls; one that is longer than a page is", async () => {
  const command = Array.from({ length: 40 }, (_, index) => `--argument-${index}`).join(" ");
  const lines = (count: number) => Array.from({ length: count }, (): Block => ({ kind: "paragraph", tone: "plain", text: "a line" }));
  const boxes: readonly Block[] = [
    { kind: "code", text: command },
    { kind: "paragraph", tone: "bad", label: "worse", text: command },
  ];
  const whole = await boxesIn(boxes);
  expect(whole).toHaveLength(2);
  for (const before of [28, 29, 30, 31, 32, 33, 34]) expect(await boxesIn([...lines(before), ...boxes])).toEqual(whole);
  expect((await boxesIn([{ kind: "code", text: command.repeat(20) }])).length).toBeGreaterThan(1);
});

test("no page ends in a heading, whatever follows it: a long table brings its first rows along", async () => {
  const line: Block = { kind: "paragraph", tone: "plain", text: "a line" };
  const headings: readonly Block[] = [
    { kind: "heading", level: 2, text: "Conditions of the run" },
    { kind: "heading", level: 3, text: "Limits of its validity" },
  ];
  const columns = ["Limit", "Above"].map((title) => ({ title, align: "left" as const }));
  const table: Block = { kind: "table", columns, rows: Array.from({ length: 60 }, () => ["a limit", "5 %"]) };
  const list: Block = { kind: "list", items: Array.from({ length: 60 }, () => "an item") };
  for (const follower of [table, list]) {
    for (const count of [29, 30, 31, 32, 33, 34, 35]) {
      const pages = await pagesOf([...Array.from({ length: count }, () => line), ...headings, follower]);
      const sizes = pages.map((page) => [...page.matchAll(/\/F\d+ ([\d.]+) Tf/g)].map(([, size]) => Number(size)));
      // 13 and 10.5 are headings', and the last are the footer's.
      const lasts = sizes.map((of) => of.slice(0, -2).at(-1));
      expect([count, lasts.filter((size) => size === 10.5 || size === 13)]).toEqual([count, []]);
    }
  }
});

test("no page is empty, however full the one before a break is", async () => {
  const line: Block = { kind: "paragraph", tone: "plain", text: "a line" };
  const lasts: readonly Block[] = [line, { ...line, tone: "bad", label: "worse" }, { kind: "list", items: ["a line"] }];
  for (const last of lasts) {
    for (const count of [28, 29, 30, 31, 32, 33, 34, 35]) {
      const pages = await pagesOf([...Array.from({ length: count }, () => line), last, { kind: "pageBreak" }, line]);
      // Two texts of the footer, and nothing else.
      expect(pages.filter((page) => page.match(/T[jJ]\n/g)?.length === 2)).toEqual([]);
    }
  }
});

test("no page begins amid the engines of one experiment, whose title stands beside the first of them", async () => {
  const line: Block = { kind: "paragraph", tone: "plain", text: "a line" };
  const columns = ["Experiment", "Engine"].map((title) => ({ title, align: "left" as const }));
  const rows = Array.from({ length: 12 }, () => [
    ["an experiment", "plain"],
    ["", "cached"],
    ["", "large"],
  ]);
  for (const count of [8, 9, 10, 11, 12]) {
    const pages = await pagesOf([...Array.from({ length: count }, () => line), { kind: "table", columns, rows: rows.flat() }]);
    const words = pages[1]?.match(/T[jJ]\n/g)?.length ?? 0;
    // Two of the head and two of the footer; of each experiment two of its title and three engines.
    expect([count, (words - 4) % 5]).toEqual([count, 0]);
  }
});

test("a long name in a table is broken at its hyphens, as it would be at spaces, and not within its words", async () => {
  const drawn = async (name: string) => {
    const columns = [name, ...Array.from({ length: 8 }, () => "requests/s")].map((title) => ({ title, align: "left" as const }));
    const [page] = await pagesOf([{ kind: "table", columns, rows: [] }]);
    return page?.match(/T[jJ]\n/g)?.length;
  };
  expect(await drawn("without-any-cache-of-its-own-anywhere")).toBe(await drawn("without any cache of its own anywhere"));
});

test("a short text in a table is not wrapped: it would cost its whole row a line", async () => {
  const columns = ["Engine", "Wanted", "Found", ""].map((title) => ({ title, align: "left" as const, wide: title === "Found" }));
  const long = Array.from({ length: 12 }, () => "mistralai").join(" ");
  const drawn = async (verdict: string) => {
    const [page] = await pagesOf([{ kind: "table", columns, rows: [["plain", long, long, verdict]] }]);
    return page?.match(/T[jJ]\n/g)?.length;
  };
  expect(await drawn("not known")).toBe(await drawn("proven"));
  const table = { kind: "table", columns, rows: [["plain", long, long, "not known"]] } as const;
  expect(await renderHtml({ title: "a test", subtitle: "", footer: "", blocks: [table] })).toContain('<td class="short">not known</td>');
});

test("a section that is longer than a page is there, also below its heading", async () => {
  const drawn = async (block: Block) => {
    const pages = await pagesOf([{ kind: "heading", level: 3, text: "Engine plain" }, block]);
    return pages.reduce((sum, page) => sum + (page.match(/T[jJ]\n/g)?.length ?? 0), 0);
  };
  const words = Array.from({ length: 600 }, (_, index) => `VARIABLE_${index}=value`);
  const few = words.slice(0, 100).map((_, index) => `a${index}`);
  const lines = few.join("\n");
  const cell = words.slice(0, 20).join(" ");
  const columns = ["What", "Found"].map((title) => ({ title, align: "left" as const }));
  const long: readonly (readonly [Block, drawn: number])[] = [
    [{ kind: "facts", facts: [{ name: "Environment", value: words.join(" ") }] }, 600],
    [{ kind: "facts", facts: few.map((name) => ({ name, value: "yes" })) }, 200],
    [{ kind: "list", items: words }, 600],
    [{ kind: "list", items: few }, 100],
    [{ kind: "code", text: words.join(" ") }, 600],
    [{ kind: "code", text: lines }, 100],
    [{ kind: "paragraph", tone: "bad", label: "worse", text: lines }, 100],
    [{ kind: "table", columns, rows: Array.from({ length: 20 }, () => ["as asked for", cell]) }, 400],
  ];
  for (const [block, least] of long) expect([block.kind, (await drawn(block)) > least]).toEqual([block.kind, true]);
});
