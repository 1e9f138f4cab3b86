/** One row of a CSV file: its cells by column name, and the line it begins on. */
export interface CsvRow {
  readonly line: number;
  readonly cells: Readonly<Record<string, string>>;
}

export interface Csv {
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
  /** What is wrong with the file as a file, with line numbers. */
  readonly mistakes: readonly string[];
}

/** RFC 4180: a cell in double quotes may hold commas, line breaks and, doubled, quotes. */
export function parseCsv(text: string): Csv {
  const { records, mistakes } = recordsIn(text.replace(/^\uFEFF/, ""));
  const [header, ...rest] = records.filter(({ cells }) => cells.length > 1 || cells[0] !== "");
  const columns = header?.cells ?? [];
  const uneven = rest.filter(({ cells }) => cells.length !== columns.length);
  return {
    columns,
    rows: rest.filter((record) => !uneven.includes(record)).map(({ line, cells }) => ({ line, cells: byName(columns, cells) })),
    mistakes: [...mistakes, ...uneven.map(({ line, cells }) => `line ${line} has ${cells.length} cells, the header has ${columns.length}`)],
  };
}

interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

// One cell and what ends it: quoted with doubled quotes inside, or plain; then a comma, a line break or the end of the text.
const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

function recordsIn(text: string): { records: readonly CsvRecord[]; mistakes: readonly string[] } {
  const records: CsvRecord[] = [];
  let cells: string[] = [];
  let line = 1;
  let from = 0;
  for (let begun = 1; from < text.length || cells.length > 0;) {
    CELL.lastIndex = from;
    const found = CELL.exec(text);
    if (found === null) return { records, mistakes: [`line ${line}: a quote that is not closed, or stands in the middle of a cell`] };
    const [whole, quoted, plain = "", end] = found;
    cells.push(quoted?.replaceAll('""', '"') ?? plain);
    line += lineBreaksIn(whole);
    from = CELL.lastIndex;
    if (end === ",") continue;
    records.push({ line: begun, cells });
    cells = [];
    begun = line;
  }
  return { records, mistakes: [] };
}

function lineBreaksIn(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

function byName(columns: readonly string[], cells: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? ""]));
}
