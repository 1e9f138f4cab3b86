import type { Seconds } from "../model/time.ts";

/** Every flag that a program's help lists, by all of its names: of lines such as "  --max-model-len N, -mml N   At most …". */
export function listedFlags(help: string): readonly string[] {
  const names = help.replaceAll(colours, "").split("\n").flatMap(namesIn);
  // Cut short for want of room: the others may be as well.
  if (names.some((name) => name.startsWith("-") && name.endsWith("…"))) return [];
  return [...new Set(names.filter(isFlag))];
}

// oxlint-disable-next-line no-control-regex
const colours = /\u001B\[[\d;]*m/g;

/** What each stands for is further right. clap leaves room for a short name before each. */
const anEntry = /^ {0,6}(-.*)$/;

/** In a table that rich has drawn, "*" marks what must be given, and every name has a column of its own. */
const aRow = /^│ (?:\*  | {0,3})(-.*)│\s*$/;

function namesIn(line: string): readonly string[] {
  const row = aRow.exec(line)?.[1];
  if (row !== undefined) return untilOther(row.split(/ {2,}/));
  const entry = anEntry.exec(line)?.[1] ?? "";
  // What a flag does starts after two spaces, unless a comma stands before them; its values, and the choices of them, are no flags.
  const [names = ""] = entry.replaceAll(/, +/g, ", ").split(/ {2,}/);
  return names.replaceAll(/\{[^}]*\}?|\[[^\]]*\]/g, " ").split(/[\s,]+/);
}

function untilOther(columns: readonly string[]): readonly string[] {
  const other = columns.findIndex((column) => !isFlag(column) && !column.endsWith("…"));
  return other < 0 ? columns : columns.slice(0, other);
}

function isFlag(name: string): boolean {
  return /^--?[A-Za-z][\w.-]*$/.test(name);
}

/** Some print their help where others print their complaints. */
export function flagsPrinted(printed: { readonly stdout: string; readonly stderr: string }): readonly string[] {
  // A complaint about the arguments names one or two flags as well.
  return [printed.stdout, printed.stderr].map(listedFlags).find((flags) => flags.length >= fewest) ?? [];
}

const fewest = 15;

/** A program that has not listed them by then is ended. */
export const patience: Seconds = 120;

// Wide lines, so that no entry is broken. Some count as wide only what is high as well, or write colours into files where they are told to.
export const readable = { COLUMNS: "200", LINES: "50", NO_COLOR: "1" };
