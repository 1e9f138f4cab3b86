import type { Content, ContentText, CustomTableLayout, Node, TDocumentDefinitions } from "pdfmake/interfaces.js";
import type { Block, Column, Fact, Figure, ReportDocument, Table } from "../reports/document.ts";
import { fontFiles } from "./assets.ts";
import { cellSpan } from "./cellSpan.ts";
import { lightTones } from "./palette.ts";
import { svg } from "./svg.ts";
import { isShort, longestNumber, unbroken } from "./unbroken.ts";

const margins = { left: 48, top: 40, right: 48, bottom: 48 };
const textWidth = 595.28 - margins.left - margins.right; // A4, in points
const columnGap = 14; // between two half figures, in points
const ink = lightTones.plain.text;
const hairline = "#d0d7de";

// The types lack it: a line below the last row of a page, where the next one has been moved on.
const lines: CustomTableLayout & { hLineWhenBroken: boolean } = {
  hLineWhenBroken: false,
  vLineWidth: () => 0,
  paddingLeft: (column) => (column === 0 ? 0 : 6),
  paddingRight: (column, node) => (column === (node.table.widths?.length ?? 0) - 1 ? 0 : 6),
  paddingTop: () => 2,
  paddingBottom: () => 1,
};

/** A4, text selectable, charts as vectors. The same document gives the same bytes. */
export async function renderPdf(document: ReportDocument): Promise<Uint8Array> {
  const content = await Promise.all(document.blocks.map(contentOf));
  const isLastOfPage = (index: number) => document.blocks[index + 1]?.kind === "pageBreak";
  return print({
    content: [
      titleOf(document),
      ...keptTogether(
        document.blocks,
        content.map((one, index) => (isLastOfPage(index) ? withoutSpaceBelow(one) : one)),
      ),
    ],
    footer: (page, pages) => footerOf(document, page, pages),
    pageBreakBefore: isTooLow,
    pageSize: "A4",
    pageMargins: [margins.left, margins.top, margins.right, margins.bottom],
    // The file's id is made of these, so they come from the run and not from the clock.
    info: {
      title: document.title,
      subject: document.subtitle,
      creator: "Tandem",
      producer: "Tandem",
      creationDate: new Date(document.created ?? 0),
    },
    language: "en",
    displayTitle: true,
    defaultStyle: { font: "Plex", fontSize: 9.5, lineHeight: 1.2, color: ink },
  });
}

/** Space below what fills a page would be on the next one, and leave that empty before the break. */
function withoutSpaceBelow(content: Content): Content {
  if (typeof content !== "object" || !("margin" in content) || !Array.isArray(content.margin)) return content;
  const [left = 0, top = 0, right = 0] = content.margin;
  return { ...content, margin: [left, top, right, 0] };
}

async function print(definition: TDocumentDefinitions): Promise<Uint8Array> {
  const { default: pdfmake } = await import("pdfmake");
  const fonts: readonly string[] = Object.values(fontFiles);
  pdfmake.setFonts({ Plex: fontFiles });
  pdfmake.setUrlAccessPolicy(() => false);
  pdfmake.setLocalAccessPolicy((path) => fonts.includes(path));
  return pdfmake.createPdf(definition).getBuffer();
}

function titleOf({ title, subtitle }: ReportDocument): Content {
  return {
    stack: [
      { text: title, fontSize: 18, bold: true, lineHeight: 1.1 },
      { text: subtitle, color: lightTones.quiet.text },
    ],
    margin: [0, 0, 0, 10],
  };
}

function footerOf({ footer }: ReportDocument, page: number, pages: number): Content {
  return {
    columns: [
      { text: footer, width: "*" },
      { text: `${page} / ${pages}`, width: "auto", alignment: "right" },
    ],
    columnGap: 12,
    fontSize: 8,
    color: lightTones.quiet.text,
    margin: [margins.left, 16, margins.right, 0],
  };
}

/** Where a heading, or a row of a table, and what is to stand with it, has no room below. */
function isTooLow({ headlineLevel: wanted, startPosition: { pageInnerHeight, verticalRatio } }: Node): boolean {
  return wanted !== undefined && pageInnerHeight * (1 - verticalRatio) < wanted;
}

// A heading stays with what follows it, and two half figures share a row. A long table may break between its rows: its heading stays with the
// first, and rows that share a first cell with each other.
function keptTogether(blocks: readonly Block[], content: readonly Content[]): readonly Content[] {
  const groups = groupsOf(blocks).map(({ start, end, together }): Content[] => {
    const members = content.slice(start, end);
    if (together === "row") return [{ columns: members, columnGap, unbreakable: true }];
    if (together === "stack") return [{ stack: members, unbreakable: true }];
    return together === "heading" ? withRoomBelow(members, roomOf(blocks.slice(start, end + 1))) : members;
  });
  return groups.flat();
}

/** The first of these begins a page where it has less room: pdfmake hands the number on to `isTooLow`, and does nothing else with it. */
function withRoomBelow([first, ...others]: readonly Content[], room: number): Content[] {
  return [{ stack: first === undefined ? [] : [first], headlineLevel: room }, ...others];
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly together: "row" | "stack" | "heading" | "no";
}

function groupsOf(blocks: readonly Block[]): readonly Group[] {
  const groups: Group[] = [];
  for (let start = 0; start < blocks.length; start = groups.at(-1)?.end ?? blocks.length) groups.push(groupAt(blocks, start));
  return groups;
}

function groupAt(blocks: readonly Block[], start: number): Group {
  const isHeading = (index: number) => blocks[index]?.kind === "heading";
  const isHalf = (index: number) => ((block) => block?.kind === "figure" && block.size === "half")(blocks[index]);
  if (isHalf(start)) return { start, end: start + (isHalf(start + 1) ? 2 : 1), together: "row" };
  if (!isHeading(start)) return { start, end: start + 1, together: "no" };
  let follower = start + 1;
  while (isHeading(follower)) follower++;
  const block = blocks[follower];
  const fits = block !== undefined && block.kind !== "pageBreak" && !isLong(block) && !isHalf(follower);
  return fits ? { start, end: follower + 1, together: "stack" } : { start, end: follower, together: "heading" };
}

/** Points that headings take with the beginning of what comes last: of a table its head and first rows, of the rest a few lines. */
function roomOf(blocks: readonly Block[]): number {
  const last = blocks.at(-1);
  const first = last?.kind === "table" ? last.rows.slice(0, Math.max(2, cellSpan(last.rows, 0))) : [];
  return 30 * (blocks.length - 1) + (last?.kind === "table" ? 30 + roomOfRows({ ...last, rows: first }) : 40);
}

/** Points. What takes more than half of a page breaks all the same. */
function roomOfRows({ columns, rows }: Table): number {
  const texts = columns.map((column, index) => [column.title, ...rows.map((row) => row[index] ?? "")]);
  const isWhole = texts.map((own, index) => own.every((text) => staysWhole(text, index, columns)));
  const longest = texts.map((own) => Math.max(...own.map(({ length }) => length)));
  const left = longest.reduce((left, letters, index) => left - (isWhole[index] === true ? letters : 0) - lettersBetween, lettersOfRow);
  const letters = Math.max(8, left / isWhole.filter((whole) => !whole).length);
  const lines = rows.map((row) => Math.max(...row.map((text, index) => (isWhole[index] === true ? 1 : linesIn(text, letters)))));
  return Math.min(14 * lines.reduce((sum, count) => sum + count, 0) + 4 * rows.length, 14 * (linesOfPage / 2));
}

/** Of a table, as they are on average: letters in all of its columns, and those that would have room between two. */
const [lettersOfRow, lettersBetween] = [106, 2.5];

/** What is kept together and has no room on a page is lost, heading and all. */
function isLong(block: Block): boolean {
  switch (block.kind) {
    case "table":
      return block.rows.length > 20 || linesOf(block) > linesOfPage;
    case "facts":
      return !fitsPage(block.facts.map(({ value }) => value).join("\n"));
    case "list":
      return !fitsPage(block.items.join("\n"));
    case "code":
    case "paragraph":
      return !fitsPage(block.text);
    default:
      return false;
  }
}

/** Columns are taken to be equally wide. */
function linesOf({ columns, rows }: Table): number {
  const letters = lettersOfTable / columns.length;
  return rows.reduce((sum, row) => sum + Math.max(...row.map((text) => linesIn(text, letters))), 0);
}

async function contentOf(block: Block): Promise<Content> {
  switch (block.kind) {
    case "heading":
      return {
        text: block.text,
        fontSize: block.level === 2 ? 13 : 10.5,
        bold: true,
        margin: [0, block.level === 2 ? 12 : 8, 0, 4],
        tocItem: false,
      };
    case "paragraph":
      return paragraphOf(block);
    case "banner":
      return boxOf([{ text: block.text, bold: true, fontSize: 10.5, color: "white" }], lightTones[block.tone].text, fitsPage(block.text));
    case "numbers":
      return numbersOf(block.numbers);
    case "table":
      return tableOf(block);
    case "figure":
      return figureOf(block);
    case "facts":
      return factsOf(block.facts);
    case "list":
      return {
        ul: block.items.map((item, index) => ({ text: unbroken(item), margin: [0, index === 0 ? 0 : 2, 0, 0] })),
        margin: [0, 0, 0, 8],
      };
    case "code":
      return boxOf([{ text: unbrokenWords(block.text), fontSize: 8 }], lightTones.plain.ground, fitsPage(block.text));
    case "pageBreak":
      return { text: "", pageBreak: "after", fontSize: 1, lineHeight: 0 };
  }
}

function paragraphOf({ text, tone, label }: Extract<Block, { kind: "paragraph" }>): Content {
  const paint = lightTones[tone];
  if (label === undefined) return { text: unbroken(text), color: tone === "plain" ? ink : paint.text, margin: [0, 0, 0, 6] };
  return {
    table: {
      widths: [76, "*"],
      dontBreakRows: fitsPage(text),
      body: [
        [
          {
            text: label.toUpperCase(),
            bold: true,
            fontSize: 8,
            color: paint.text,
            fillColor: paint.ground,
            alignment: "center",
            margin: [0, 2, 0, 1],
          },
          { text: unbroken(text), margin: [4, 0, 0, 0] },
        ],
      ],
    },
    layout: "noBorders",
    margin: [0, 0, 0, 4],
  };
}

// Left alone, a line would break after the dashes of an option.
function unbrokenWords(text: string): Content[] {
  return text.split(" ").map((word) => ({ text: `${word} `, noWrap: word.length < 90 }));
}

/** Lines that find room on a page, below a heading too. What has more may break: else its end would be lost. */
const linesOfPage = 40;
/** Letters that find room in a line of text, beside a label too, and in all columns of a table. */
const [lettersOfLine, lettersOfTable] = [50, 80];

function fitsPage(text: string): boolean {
  return linesIn(text, lettersOfLine) <= linesOfPage;
}

function linesIn(text: string, letters: number): number {
  return text.split("\n").reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / letters)), 0);
}

function boxOf(stack: Content[], ground: string, isWhole: boolean): Content {
  return {
    table: { widths: ["*"], dontBreakRows: isWhole, body: [[{ stack, fillColor: ground, margin: [6, 4, 6, 3] }]] },
    layout: "noBorders",
    margin: [0, 2, 0, 8],
  };
}

function numbersOf(numbers: readonly Fact[]): Content {
  return {
    columns: numbers.map(({ name, value }) => ({
      stack: [
        { text: value, fontSize: 17, bold: true, lineHeight: 1.05 },
        { text: name, fontSize: 8, color: lightTones.quiet.text },
      ],
    })),
    columnGap: 12,
    margin: [0, 2, 0, 8],
  };
}

function factsOf(facts: readonly Fact[]): Content {
  return {
    table: {
      widths: [110, "*"],
      dontBreakRows: facts.every(({ value }) => fitsPage(value)),
      body: facts.map(({ name, value }) => [{ text: name, color: lightTones.quiet.text }, { text: value }]),
    },
    layout: { ...lines, hLineWidth: (line, node) => (line === 0 || line === node.table.body.length ? 0 : 0.4), hLineColor: hairline },
    fontSize: 8.5,
    margin: [0, 0, 0, 8],
  };
}

/** Letters of a word, or of what stands between its hyphens, that is not broken in a table. */
const longestWord = 24;

function tableOf(table: Table): Content {
  const { columns, rows } = table;
  const cell = (text: string, index: number, bold = false): ContentText => ({
    text: unbroken(text),
    bold,
    alignment: columns[index]?.align ?? "left",
    // Numbers stay whole, and what is short; what is long may wrap.
    noWrap: staysWhole(text, index, columns),
    // A long name would push the last columns off the page.
    wordBreak: text.split(/[ -]/).some(({ length }) => length > longestWord) ? "break-all" : "normal",
  });
  // Each cell of a row must be told to begin the next page with the others; within what is kept whole anyway none may.
  const roomBelow = (place: number) => {
    const span = place === 0 || !isLong(table) ? 0 : cellSpan(rows, place);
    return span < 2 ? {} : { headlineLevel: roomOfRows({ ...table, rows: rows.slice(place, place + span) }) };
  };
  return {
    table: {
      headerRows: 1,
      dontBreakRows: true,
      keepWithHeaderRows: 1,
      widths: columns.map(({ wide }, index) => ((wide ?? (index === 0 && !columns.some((column) => column.wide))) ? "*" : "auto")),
      body: [
        columns.map(({ title }, index) => cell(title, index, true)),
        ...rows.map((row, place) => row.map((text, index) => ({ ...cell(text, index), ...roomBelow(place) }))),
      ],
    },
    layout: {
      ...lines,
      hLineWidth: (line, node) => (line === 1 ? 0.8 : line === 0 || line === node.table.body.length ? 0 : 0.4),
      hLineColor: (line) => (line === 1 ? ink : hairline),
    },
    fontSize: 8.5,
    margin: [0, 0, 0, 8],
  };
}

function staysWhole(text: string, index: number, columns: readonly Column[]): boolean {
  return isShort(text) || (columns[index]?.align === "right" && text.length <= longestNumber(columns));
}

async function figureOf({ title, spec, note, size }: Figure): Promise<Content> {
  return {
    stack: [
      { text: title, bold: true, fontSize: 10, margin: [0, 2, 0, 2] },
      { svg: await svg(spec), width: size === "full" ? textWidth : (textWidth - columnGap) / 2 },
      ...(note === undefined ? [] : [{ text: note, fontSize: 8, color: lightTones.quiet.text }]),
    ],
    unbreakable: true,
    margin: [0, 0, 0, 8],
  };
}
