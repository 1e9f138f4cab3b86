/** A count as people read it in a sentence: "24,576". */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** A count that a server told, which may be any number, or none: "24,576", "-0.5", "unknown". */
export function groupedIfWhole(count: number | undefined): string {
  if (count === undefined) return "unknown";
  return Number.isSafeInteger(count) ? grouped(count) : String(count);
}

/** A count that a program printed, or what it printed instead of one: "81,559", "[N/A]". */
export function groupedIfDigits(told: string): string {
  return /^\d{4,15}$/.test(told) ? grouped(Number(told)) : told;
}

/** What an engine tells of itself, as people read it: "131,072 tokens" of "131072 tokens". It is compared, and kept, as it was told. */
export function groupedSize(told: string): string {
  return told.replace(/^\d{4,15}(?= tokens$)/, (digits) => grouped(Number(digits)));
}
