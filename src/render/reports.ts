import type { Report } from "../model/report.ts";
import type { ReportDocument } from "../reports/document.ts";
import type { TestResult } from "../model/result.ts";
import { csv } from "../reports/csv.ts";
import { json } from "../reports/json.ts";
import { story } from "../reports/story.ts";
import { renderHtml } from "./html.ts";
import { renderPdf } from "./pdf.ts";

const pdf: Report = { kind: "pdf", extension: "pdf", write: async (result) => renderPdf(documentOf(result)) };

const html: Report = {
  kind: "html",
  extension: "html",
  write: async (result) => new TextEncoder().encode(await renderHtml(documentOf(result))),
};

/** Every report that is a file. A new one is a line here. */
export const reports: readonly Report[] = [csv, pdf, html, json];

// PDF and HTML are drawn from one value, so that its charts are drawn once.
const documents = new WeakMap<TestResult, ReportDocument>();

function documentOf(result: TestResult): ReportDocument {
  const document = documents.get(result) ?? story(result);
  documents.set(result, document);
  return document;
}
