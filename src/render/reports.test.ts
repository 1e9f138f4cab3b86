import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

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

test.each(reports)("$kind has the same bytes every time it is written from the same result", async (report) => {
  const first = await report.write(small());
  const second = await report.write(small());
  expect(Buffer.compare(first, second)).toBe(0);
  expect(first.length).toBeGreaterThan(500);
});

test("the page loads nothing, from nowhere", async () => {
  const page = await renderHtml(story(small()));
  const markup = page.replaceAll(/<script>[^]*?<\/script>/g, "");
  expect(markup.match(/(?:src|href|action|poster)\s*=\s*"(?!#)[^"]*"|@import|url\([^)]*\)|<(?:link|iframe|img)\b[^>]*>/gi) ?? []).toEqual(
    [],
  );
  expect(markup.includes("<svg")).toBe(true);
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
