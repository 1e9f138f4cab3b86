import type { Report } from "../model/report.ts";
import type { TestResult } from "../model/result.ts";
import type { ReportDocument } from "../reports/document.ts";
import { csv } from "../reports/csv.ts";
import { json } from "../reports/json.ts";
import { junit } from "../reports/junit.ts";

// What draws is loaded as the first document is written: charts and PDF cost a second, and a machine that only measures need not have them.
const pdf: Report = {
  kind: "pdf",
  extension: "pdf",
  write: async (result) => (await import("./pdf.ts")).renderPdf(await documentOf(result)),
};

const html: Report = {
  kind: "html",
  extension: "html",
  write: async (result) => new TextEncoder().encode(await (await import("./html.ts")).renderHtml(await documentOf(result))),
};

const markdown: Report = {
  kind: "markdown",
  extension: "md",
  write: async (result) => new TextEncoder().encode((await import("./markdown.ts")).renderMarkdown(await documentOf(result))),
};

/** Every report that is a file. A new one is a line here. */
export const reports: readonly Report[] = [csv, pdf, html, markdown, json, junit];

// PDF, HTML and Markdown are written from one value, so that its charts are drawn once.
const documents = new WeakMap<TestResult, ReportDocument>();

async function documentOf(result: TestResult): Promise<ReportDocument> {
  const { story } = await import("../reports/story.ts");
  const document = documents.get(result) ?? story(result);
  documents.set(result, document);
  return document;
}
