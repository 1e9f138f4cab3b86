import { longestPattern, type EventPattern } from "../http/alikeEvents.ts";

const quote = 34;
const backslash = 92;
const dataName = Buffer.from("data: ");
const shortDataName = Buffer.from("data:");
const eventEnd = Buffer.from("\n\n");
const longEventEnd = Buffer.from("\r\n\r\n");
const lineFeed = 10;
const carriageReturn = 13;
const colon = 58;

/** Events of streams beside one another are alike, if not for an id: those share a pattern, which need not be brought to where it is compared at each turn. */
let recent: EventPattern = { bytes: new Uint8Array(), before: 0 };

/**
 * Of an event that carried nothing but text, as servers write it. Most that follow are the same but for the text: those are recognised by comparing what
 * stands before and after it, at a fraction of the cost of finding and reading them. `textStart`: the text's first byte, in data from `start` to `end`;
 * what came in several lines has no pattern. Where the event lies as it came, the bytes around its data show how this server writes a line; else it is
 * taken to be as most do.
 */
export function textPattern(bytes: Buffer, start: number, end: number, textStart: number): EventPattern | undefined {
  const textEnd = closingQuote(bytes, textStart, end);
  const name = bytes[start - 1] === colon ? shortDataName : dataName;
  const lineEnds = bytes[end] === carriageReturn ? longEventEnd : eventEnd;
  const around = [name, bytes.subarray(start, textStart), bytes.subarray(textEnd, end), lineEnds];
  const length = around.reduce((sum, part) => sum + part.length, 0);
  if (length > longestPattern || bytes.subarray(start, end).includes(lineFeed)) return undefined;
  const pattern = { bytes: Buffer.concat(around, length), before: name.length + textStart - start };
  if (pattern.before !== recent.before || !pattern.bytes.equals(recent.bytes)) recent = pattern;
  return recent;
}

/** There is one: what was read of the event was JSON. */
function closingQuote(bytes: Buffer, textStart: number, end: number): number {
  let at = textStart;
  while (at < end && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
