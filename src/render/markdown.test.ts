import { expect, test } from "vitest";

import type { Block } from "../reports/document.ts";
import { fixture } from "../reports/fixture.ts";
import { story } from "../reports/story.ts";
import { renderMarkdown } from "./markdown.ts";

const documentOf = (blocks: readonly Block[]) => ({ title: "test_a", subtitle: "cached against plain", footer: "Tandem", blocks });

test("Markdown has the first page: the answer, how far to believe it, the table and the checks, and nothing that is drawn", () => {
  const report = story(fixture({ contexts: [8_192], requests: 40 }));
  const text = renderMarkdown(report);
  const pageEnd = report.blocks.findIndex(({ kind }) => kind === "pageBreak");
  const headings = report.blocks.slice(0, pageEnd).flatMap((block) => (block.kind === "heading" ? [block.text] : []));
  expect(text.match(/(?<=^###+ ).*$/gm)).toEqual(headings);
  expect(text).toMatch(/^## test_/);
  expect(text).toMatch(/^\*\*better\*\*: .* as fast to the first token/m);
  expect(text).toMatch(/^\*\*(VALID|DEGRADED)\*\*: /m);
  expect(text).toMatch(/^\| Experiment +\| Engine +\| +Cold \(of\) \|/m);
  expect(text).not.toContain("svg");
});

test("names that mean something in Markdown stand as they are", () => {
  const name = "a|b *c* <d> [e](f) `g` ~~h~~ __i__";
  const table: Block = { kind: "table", columns: [{ title: name, align: "left" }], rows: [[name], ["in_process\nor a server"]] };
  const text = renderMarkdown(documentOf([{ kind: "paragraph", tone: "good", label: name, text: `# ${name}` }, table]));
  const shown = String.raw`a\|b \*c\* \<d> \[e]\(f) ${"\\`g\\`"} \~\~h\~\~ \_\_i\_\_`;
  expect(text).toContain(`| ${shown} |`);
  expect(text).toMatch(/\| in_process or a server +\|\n/);
  expect(text.match(/^\|/gm)).toHaveLength(4);
});

test("every kind of block is there, banners first, lists without gaps", () => {
  const text = renderMarkdown(
    documentOf([
      { kind: "banner", tone: "alarm", text: "INVALID" },
      { kind: "heading", level: 2, text: "The answer" },
      { kind: "numbers", numbers: [{ name: "gain", value: "3.1×" }] },
      { kind: "code", text: "tandem report" },
      { kind: "list", items: ["one", "two"] },
      { kind: "paragraph", tone: "plain", label: "left out", text: "the gain" },
      { kind: "facts", facts: [{ name: "Model", value: "opt" }] },
      { kind: "pageBreak" },
      { kind: "heading", level: 2, text: "The next page" },
    ]),
  );
  expect(text).toBe(
    [
      "## test_a",
      "cached against plain",
      "> **INVALID**",
      "### The answer",
      "- **3.1×** gain",
      "```\ntandem report\n```",
      "- one\n- two",
      "**left out**: the gain",
      "- Model: opt",
      "*Tandem*\n",
    ].join("\n\n"),
  );
});
