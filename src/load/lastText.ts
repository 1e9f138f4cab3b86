import { Pattern } from "../http/pattern.ts";

/** Longer events are rare, and copying them would cost what it saves. */
const longest = 2_048;
const quote = 34;
const backslash = 92;
const space = 32;
const dataName = Buffer.from("data: ");
const eventEnd = Buffer.from("\n\n");

/**
 * The last event of a stream that carried nothing but text, as servers write it. Most events are the same but for the text itself:
 * those are recognised by comparing what stands before and after it, at a fraction of the cost of finding and reading them.
 */
export class LastText {
  private readonly before: Pattern;
  private readonly after: Pattern;

  private constructor(before: Pattern, after: Pattern) {
    this.before = before;
    this.after = after;
  }

  /** `textStart`: the text's first byte, in an event's data from `start` to `end`. */
  static of(bytes: Buffer, start: number, end: number, textStart: number): LastText | undefined {
    const textEnd = closingQuote(bytes, textStart, end);
    if (textEnd < 0 || end - start > longest) return undefined;
    const before = Buffer.concat([dataName, bytes.subarray(start, textStart)]);
    const after = Buffer.concat([bytes.subarray(textEnd, end), eventEnd]);
    return new LastText(befores.of(before), afters.of(after));
  }

  /** Where the next event starts, if all of one that differs in nothing but its text stands between `start` and `end`; else -1. */
  endOf(bytes: Buffer, start: number, end: number): number {
    if (!this.before.isAt(bytes, start, end)) return -1;
    const textStart = start + this.before.length;
    const textEnd = closingQuote(bytes, textStart, end);
    return textEnd > textStart && this.after.isAt(bytes, textEnd, end) ? textEnd + this.after.length : -1;
  }

  /** The text of an event that `endOf` has recognised: parsed is nothing but the text, and only where something in it is escaped. */
  textIn(bytes: Buffer, start: number, next: number): string {
    const text = bytes.toString("utf8", start + this.before.length, next - this.after.length);
    return text.includes("\\") ? unescaped(text) : text;
  }
}

/** Events of streams beside one another begin and end alike, if not for an id: those share a pattern, which takes as long to make as some events to read. */
class RecentPattern {
  private bytes: Buffer;
  private pattern: Pattern;

  constructor() {
    this.bytes = Buffer.alloc(0);
    this.pattern = new Pattern(this.bytes);
  }

  of(bytes: Buffer): Pattern {
    if (bytes.equals(this.bytes)) return this.pattern;
    this.bytes = bytes;
    this.pattern = new Pattern(bytes);
    return this.pattern;
  }
}

const befores = new RecentPattern();
const afters = new RecentPattern();

/** Nothing where it is no JSON after all (only its end was looked for): as of any other event that is none. */
function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return "";
  }
}

/** -1 where there is none: a text in JSON has no line ends. */
function closingQuote(bytes: Buffer, textStart: number, end: number): number {
  for (let at = textStart; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) return at;
    if (byte < space) return -1;
    if (byte === backslash && (bytes[++at] ?? 0) < space) return -1;
  }
  return -1;
}
