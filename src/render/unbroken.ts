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

/**
 * Letters of a number that stays on one line: "49,536 / 36,864 / 4,800", and in a table of few columns, where there is room for it, also
 * "0.00332 ms, p99 0.0179 ms, of 65,280".
 */
export function longestNumber({ length: columns }: readonly unknown[]): number {
  return columns > 3 ? 24 : 40;
}
