import type { Block, Fact, Figure, ReportDocument, Table } from "../reports/document.ts";
import { chartScripts, pageFiles } from "./assets.ts";
import { cellSpan } from "./cellSpan.ts";
import { darkChartColours, darkTones, lightTones } from "./palette.ts";
import { svg } from "./svg.ts";
import { isShort, longestNumber, unbroken } from "./unbroken.ts";

/** One page that asks the network for nothing: charts are drawn here, and again with tooltips where scripts may run. */
export async function renderHtml(document: ReportDocument): Promise<string> {
  const [{ style, script }, libraries, blocks] = await Promise.all([
    pageFiles(),
    chartScripts(),
    Promise.all(document.blocks.map(blockOf)),
  ]);
  const charts = document.blocks.some(({ kind }) => kind === "figure");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(document.title)}</title>
<style>
${colours()}
${style}</style>
</head>
<body>
<header><div><h1>${escaped(document.title)}</h1><p class="subtitle">${escaped(document.subtitle)}</p></div><button type="button" hidden></button></header>
<nav>${document.blocks.map(linkOf).join("")}</nav>
<main>
${rowsOf(document.blocks, blocks).join("\n")}
</main>
<footer>${escaped(document.footer)}</footer>
${(charts ? [...libraries, script] : [script]).map((source) => `<script>${scriptSafe(source)}</script>`).join("\n")}
</body>
</html>
`;
}

// Half figures that follow each other share a row.
function rowsOf(blocks: readonly Block[], drawn: readonly string[]): readonly string[] {
  const isHalf = (index: number) => ((block) => block?.kind === "figure" && block.size === "half")(blocks[index]);
  return drawn.map((text, index) => {
    const opens = isHalf(index) && !isHalf(index - 1) ? '<div class="row">' : "";
    const closes = isHalf(index) && !isHalf(index + 1) ? "</div>" : "";
    return `${opens}${text}${closes}`;
  });
}

async function blockOf(block: Block, index: number): Promise<string> {
  switch (block.kind) {
    case "heading":
      return `<h${block.level} id="${anchor(index)}">${escaped(block.text)}</h${block.level}>`;
    case "paragraph":
      return paragraphOf(block);
    case "banner":
      return `<p class="banner" role="note" style="background: var(--${block.tone})">${escaped(block.text)}</p>`;
    case "numbers":
      return `<dl class="numbers">${block.numbers.map(({ name, value }) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join("")}</dl>`;
    case "table":
      return tableOf(block);
    case "figure":
      return figureOf(block);
    case "facts":
      return factsOf(block.facts);
    case "list":
      return `<ul>${block.items.map((item) => `<li>${escaped(unbroken(item))}</li>`).join("")}</ul>`;
    case "code":
      return `<pre>${escaped(block.text)}</pre>`;
    case "pageBreak":
      return "<hr>";
  }
}

function paragraphOf({ text, tone, label }: Extract<Block, { kind: "paragraph" }>): string {
  if (label === undefined) return `<p style="color: var(--${tone})">${escaped(unbroken(text))}</p>`;
  const badge = `<span class="label" style="color: var(--${tone}); background: var(--${tone}-ground)">${escaped(label)}</span>`;
  return `<p class="labelled">${badge}<span>${escaped(unbroken(text))}</span></p>`;
}

function tableOf({ columns, rows }: Table): string {
  const longest = longestNumber(columns);
  // Numbers stay whole; a sentence would push what follows it off the page.
  const right = (text: string) => (text.length > longest ? ' class="right sentence"' : ' class="right"');
  const side = (index: number, text = "") =>
    columns[index]?.align === "right" ? right(text) : isShort(text) && text.includes(" ") ? ' class="short"' : "";
  const head = columns.map(({ title }, index) => `<th scope="col"${side(index)}>${escaped(title)}</th>`).join("");
  const cellsOf = (row: readonly string[], span: number) =>
    row.map((cell, index) => {
      const rowspan = index > 0 || span === 1 ? "" : ` rowspan="${span}"`;
      return index === 0 && span === 0 ? "" : `<td${rowspan}${side(index, cell)}>${escaped(unbroken(cell))}</td>`;
    });
  const rowOf = (row: readonly string[], span: number) => `<tr${span === 0 ? ' class="on"' : ""}>${cellsOf(row, span).join("")}</tr>`;
  const body = rows.map((row, place) => rowOf(row, cellSpan(rows, place))).join("\n");
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

function factsOf(facts: readonly Fact[]): string {
  const rows = facts.map(({ name, value }) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`).join("\n");
  return `<div class="scroll"><table class="facts"><tbody>\n${rows}\n</tbody></table></div>`;
}

async function figureOf({ title, alt, spec, note }: Figure): Promise<string> {
  const small = note === undefined ? "" : `<small>${escaped(note)}</small>`;
  // "<" never appears in the JSON, so that no text in it can end the script element.
  const json = JSON.stringify(spec).replaceAll("<", "\\u003c");
  return `<figure role="group" aria-label="${escaped(alt)}"><figcaption>${escaped(title)}${small}</figcaption>
<div class="still" role="img" aria-label="${escaped(alt)}">${await svg(spec)}</div><div class="drawn"></div>
<script type="application/json">${json}</script></figure>`;
}

function linkOf(block: Block, index: number): string {
  return block.kind === "heading" && block.level === 2 ? `<a href="#${anchor(index)}">${escaped(block.text)}</a>` : "";
}

function anchor(index: number): string {
  return `part-${index}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function scriptSafe(source: string): string {
  return source.replaceAll(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");
}

// A chart names its colours; in the dark each is replaced by a lighter one, in the still picture and in the drawn one alike.
function colours(): string {
  const dark = [variables(darkTones, { paper: "#0d1117", line: "#30363d" }), "color-scheme: dark"].join("; ");
  const light = [variables(lightTones, { paper: "#ffffff", line: "#d0d7de" }), "color-scheme: light"].join("; ");
  return [
    `:root { ${light} }`,
    `@media screen and (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { ${dark} } ${chartRules(':root:not([data-theme="light"])')} }`,
    `@media screen { :root[data-theme="dark"] { ${dark} } ${chartRules(':root[data-theme="dark"]')} }`,
  ].join("\n");
}

function variables(tones: typeof lightTones, others: Readonly<Record<string, string>>): string {
  const ofTones = Object.entries(tones).map(([tone, { text, ground }]) => `--${tone}: ${text}; --${tone}-ground: ${ground}`);
  return [...ofTones, ...Object.entries(others).map(([name, value]) => `--${name}: ${value}`)].join("; ");
}

function chartRules(scope: string): string {
  return [...darkChartColours]
    .map(([light, dark]) => `${scope} svg [fill="${light}"] { fill: ${dark} } ${scope} svg [stroke="${light}"] { stroke: ${dark} }`)
    .join(" ");
}
