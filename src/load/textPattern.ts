import { longestPattern, type EventPattern } from "../http/alikeEvents.ts";

const quote = 34;
const backslash = 92;
const dataName = Buffer.from("data: ");
const eventEnd = Buffer.from("\n\n");
const lineFeed = 10;

/** Events of streams beside one another are alike, if not for an id: those share a pattern, which takes as long to make as some events to read. */
let recent: EventPattern = { bytes: new Uint8Array(), before: 0, after: 0 };

/**
 * Of an event that carried nothing but text, as servers write it. Most that follow are the same but for the text: those are recognised by comparing what
 * stands before and after it, at a fraction of the cost of finding and reading them. `textStart`: the text's first byte, in data from `start` to `end`;
 * what came in several lines has no pattern.
 */
export function textPattern(bytes: Buffer, start: number, end: number, textStart: number): EventPattern | undefined {
  const textEnd = closingQuote(bytes, textStart, end);
  const before = dataName.length + textStart - start;
  const after = end - textEnd + eventEnd.length;
  if (before + after > longestPattern || bytes.subarray(start, end).includes(lineFeed)) return undefined;
  const around = Buffer.concat([dataName, bytes.subarray(start, textStart), bytes.subarray(textEnd, end), eventEnd]);
  if (before !== recent.before || !around.equals(recent.bytes)) recent = { bytes: around, before, after };
  return recent;
}

/** There is one: what was read of the event was JSON. */
function closingQuote(bytes: Buffer, textStart: number, end: number): number {
  let at = textStart;
  while (at < end && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
