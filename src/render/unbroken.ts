const noBreak = "\u00a0";

/** Keeps a number on one line with its unit, and an interval with its ends. */
export function unbroken(text: string): string {
  return text
    .replaceAll(/(?<=\d) (?=(?:ms|s|%|GiB|MiB|tokens\/s)(?![\w/]))/g, noBreak)
    .replaceAll(/\(([\d.,]+(?:\s\S+)?) to ([\d.,]+)/g, `($1${noBreak}to${noBreak}$2`);
}

/** Of a table's text, as "not known": wrapped it would cost its whole row a line. */
export function isShort(text: string): boolean {
  return text.length < 12;
}
