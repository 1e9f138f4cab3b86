import type { List, ListItem, Paragraph, PhrasingContent, RootContent, Table as TableNode, TableRow } from "mdast";
import { markdownTable } from "markdown-table";
import { toMarkdown, type Options } from "mdast-util-to-markdown";

import type { Block, ReportDocument, Table } from "../reports/document.ts";

/** The first page, as GitHub and GitLab show it in a job's summary or a comment. What is drawn is left out: its figures stand in the sentences. */
export function renderMarkdown({ title, subtitle, footer, blocks }: ReportDocument): string {
  const pageEnd = blocks.findIndex(({ kind }) => kind === "pageBreak");
  const firstPage = pageEnd < 0 ? blocks : blocks.slice(0, pageEnd);
  const children: readonly RootContent[] = [
    { type: "heading", depth: 2, children: [text(title)] },
    paragraph([text(subtitle)]),
    ...firstPage.flatMap(nodesOf),
    paragraph([{ type: "emphasis", children: [text(footer)] }]),
  ];
  return toMarkdown({ type: "root", children: [...children] }, options);
}

// What CommonMark does not have, and those two sites do: tables, and words between tildes that are struck out.
const options: Options = {
  bullet: "-",
  unsafe: [{ character: "|" }, { character: "~" }],
  handlers: {
    table: ({ align, children }: TableNode, _parent, state, info) => {
      const leave = state.enter("phrasing"); // where every character that means something is escaped
      const rows = children.map((row) => row.children.map((cell) => state.containerPhrasing(cell, { ...info, before: " ", after: " " })));
      leave();
      return markdownTable(rows, { align: align ?? [] });
    },
  },
};

function nodesOf(block: Block): readonly RootContent[] {
  switch (block.kind) {
    case "heading":
      return [{ type: "heading", depth: block.level === 2 ? 3 : 4, children: [text(block.text)] }];
    case "paragraph":
      return [paragraph(block.label === undefined ? [text(block.text)] : [strong(block.label), text(`: ${block.text}`)])];
    case "banner":
      return [{ type: "blockquote", children: [paragraph([strong(block.text)])] }];
    case "numbers":
      return [listOf(block.numbers.map(({ name, value }) => [strong(value), text(` ${name}`)]))];
    case "facts":
      return [listOf(block.facts.map(({ name, value }) => [text(`${name}: ${value}`)]))];
    case "table":
      return [tableOf(block)];
    case "list":
      return [listOf(block.items.map((item) => [text(item)]))];
    case "code":
      return [{ type: "code", value: block.text }];
    case "figure":
    case "pageBreak":
      return [];
  }
}

function tableOf({ columns, rows }: Table): TableNode {
  const row = (cells: readonly string[]): TableRow => ({
    type: "tableRow",
    children: cells.map((cell) => ({ type: "tableCell", children: [text(cell.replaceAll("\n", " "))] })),
  });
  return { type: "table", align: columns.map(({ align }) => align), children: [row(columns.map(({ title }) => title)), ...rows.map(row)] };
}

function listOf(items: readonly (readonly PhrasingContent[])[]): List {
  const itemOf = (children: readonly PhrasingContent[]): ListItem => ({ type: "listItem", spread: false, children: [paragraph(children)] });
  return { type: "list", spread: false, children: items.map(itemOf) };
}

function paragraph(children: readonly PhrasingContent[]): Paragraph {
  return { type: "paragraph", children: [...children] };
}

function strong(value: string): PhrasingContent {
  return { type: "strong", children: [text(value)] };
}

function text(value: string): PhrasingContent {
  return { type: "text", value };
}
