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

/** A pattern takes as long to make as an event to read, and half as long to look for in vain. */
const mostPatterns = 32;
/** So many events that were like one pay for the next: some servers write the time in each event, which changes every second. */
const eventsForPattern = 16;

/**
 * The last event of a reply that carried nothing but text. Most that follow are the same but for the text: those are recognised by comparing what stands
 * before and after it, at a fraction of the cost of finding and reading them.
 */
export class LastEvent {
  /** Undefined where there is none yet, or hardly any event is like the one before: then none is looked for. */
  pattern: EventPattern | undefined;
  /** Patterns made, less those that events like one have paid for. */
  private made = 0;
  /** Events in a row that were unlike the last one that could be afforded. */
  private misses = 0;

  /** `textStart`: the text's first byte, in data from `start` to `end`. */
  becomes(bytes: Buffer, start: number, end: number, textStart: number): void {
    if (this.made < mostPatterns) {
      this.made++;
      this.pattern = textPattern(bytes, start, end, textStart);
    } else if (++this.misses > mostPatterns) {
      this.pattern = undefined;
    }
  }

  /** So many events were like it. */
  recurred(events: number): void {
    this.made = Math.max(0, this.made - events / eventsForPattern);
    this.misses = 0;
  }
}

/** Events of streams beside one another are alike, if not for an id: those share a pattern, which need not be brought to where it is compared at each turn. */
let recent: EventPattern = { bytes: new Uint8Array(), before: 0 };

/**
 * Of an event as servers write it; what came in several lines has no pattern. Where the event lies as it came, the bytes around its data show how this
 * server writes a line; else it is taken to be as most do.
 */
function textPattern(bytes: Buffer, start: number, end: number, textStart: number): EventPattern | undefined {
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
