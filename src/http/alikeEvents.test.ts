import { readFileSync } from "node:fs";

import * as fc from "fast-check";
import { expect, test } from "vitest";
import wabt from "wabt";

import {
  eventsTaken,
  lineEndIn,
  longestPattern,
  readBuffer,
  takeChunksLike,
  takeEventsLike,
  textTaken,
  type EventPattern,
} from "./alikeEvents.ts";

const known = patternOf('data: {"choices":[{"text":"', '","logprobs":null}]}\n\n');

test("what is loaded is what alikeEvents.wat says; `npm run wasm` makes it so", async () => {
  const source = readFileSync(new URL("./alikeEvents.wat", import.meta.url), "utf8");
  const module = (await wabt()).parseWat("alikeEvents.wat", source);
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  expect(Buffer.from(buffer).equals(readFileSync(new URL("./alikeEvents.wasm", import.meta.url)))).toBe(true);
});

test("a line's end is found wherever it stands, be it beside another, and none beyond what was read", () => {
  const bytes = fc.array(fc.constantFrom(10, 13, 97, 0x8a, 0xff), { maxLength: 70 });
  fc.assert(
    fc.property(bytes, fc.nat(40), fc.nat(40), (read, start, left) => {
      const all = Buffer.from(read);
      const end = Math.max(start, all.length - left);
      readBuffer.fill("\n").set(all);
      const found = all.subarray(0, end).findIndex((byte, at) => at >= start && (byte === 10 || byte === 13));
      const wanted = found < 0 ? end : found;
      expect([lineEndIn(readBuffer, start, end), lineEndIn(all, start, end)]).toEqual([wanted, wanted]);
    }),
  );
});

test("events like a known one are taken with their texts, whatever they lie between, and no byte of another", () => {
  // Texts that end, or don't, and patterns of every length to and beyond a word's, of bytes that text has and hasn't.
  const text = fc.constantFrom(
    "",
    "a",
    " word",
    '\\"',
    "\\\\",
    "\\u00e9",
    "é漢",
    "two\nlines",
    "\\\nx",
    "a\rb",
    'q"q',
    "\\",
    "x".repeat(70),
  );
  const around = fc.string({ maxLength: 20 }).map((part) => part.replaceAll('"', "'"));
  const patterns = fc.tuple(around, around).map(([before, after]) => patternOf(`data: ${before}"`, `"${after}\n\n`));
  const other = fc.constantFrom("", "data: [DONE]\n\n", ": ping\n\n", "data: {", '"', "\n");
  const run = fc.tuple(patterns, fc.array(text, { maxLength: 5 }), other, fc.nat(40));
  const framings = [
    { frame: (event: string) => event, take: takeEventsLike, taken: eventsIn },
    { frame: chunkOf, take: takeChunksLike, taken: chunksIn },
  ];
  for (const { frame, take, taken } of framings) {
    fc.assert(
      fc.property(run, ([pattern, texts, last, cut]) => {
        const start = 7;
        const all = Buffer.from("?".repeat(start) + texts.map((each) => frame(eventOf(pattern, each))).join("") + frame(last));
        const end = Math.max(start, all.length - cut);
        readBuffer.fill("0");
        all.copy(readBuffer);
        const expected = taken(pattern, all.toString("latin1", start, end));
        expect(take(pattern, readBuffer, start, end)).toBe(start + expected.length);
        expect(Array.from({ length: eventsTaken() }, (_, index) => textTaken(index))).toEqual(
          expected.texts.map((each) => Buffer.from(each, "latin1").toString()),
        );
      }),
      { numRuns: 3_000 },
    );
  }
});

test("streams that take turns are known by their own events, however alike another one's are", () => {
  const patterns = [
    known,
    patternOf('data: {"choices":[{"text":"', '","logprobs":true}]}\n\n'),
    patternOf('data: {"ch0ices":[{"text":"', '"}]}\n\n'),
  ];
  for (const mine of [...patterns, ...patterns]) {
    const event = eventOf(mine, " word");
    readBuffer.write(event, "latin1");
    expect(patterns.filter((each) => takeEventsLike(each, readBuffer, 0, event.length) > 0)).toEqual([mine]);
  }
});

test("a read full of the shortest events is taken whole, and so is an event whose pattern is as long as it may be", () => {
  const shortest = patternOf('data: {"text":"', '"}\n\n');
  const count = Math.floor(readBuffer.length / chunkOf(eventOf(shortest, "a")).length);
  const length = readBuffer.write(chunkOf(eventOf(shortest, "a")).repeat(count));
  expect(takeChunksLike(shortest, readBuffer, 0, length)).toBe(length);
  expect(eventsTaken()).toBe(count);
  expect(textTaken(count - 1)).toBe("a");
  const longest = patternOf(`data: ${"x".repeat(longestPattern - 9)}"`, '"\n');
  const whole = readBuffer.write(eventOf(longest, "a"));
  expect(longest.bytes.length).toBe(longestPattern);
  expect(takeEventsLike(longest, readBuffer, 0, whole)).toBe(whole);
});

test.each([":0", "9g", "100000000a0", "a0;x", "-a0"])("a chunk whose size is said to be %s is not taken for one of 160 bytes", (size) => {
  const event = eventOf(known, "x".repeat(160 - known.bytes.length));
  const take = (said: string) => takeChunksLike(known, readBuffer, 0, readBuffer.write(`${said}\r\n${event}\r\n`));
  expect(take(size)).toBe(0);
  expect([take("a0"), take("0A0")].every((taken) => taken > 160)).toBe(true);
});

test("of bytes that lie elsewhere none is taken, though such an event was read just before", () => {
  const event = Buffer.from(eventOf(known, "a"));
  event.copy(readBuffer);
  takeEventsLike(known, readBuffer, 0, event.length);
  expect(takeEventsLike(known, event, 0, event.length)).toBe(0);
  expect(eventsTaken()).toBe(0);
});

function patternOf(before: string, after: string): EventPattern {
  const bytes = Buffer.from(before + after);
  return { bytes, before: Buffer.byteLength(before) };
}

function eventOf({ bytes, before }: EventPattern, text: string): string {
  const around = Buffer.from(bytes);
  return around.toString("utf8", 0, before) + text + around.toString("utf8", before);
}

function chunkOf(data: string): string {
  return `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`;
}

interface Taken {
  readonly length: number;
  readonly texts: readonly string[];
}

/** The same in other words, of Latin-1. */
function eventsIn(pattern: EventPattern, bytes: string): Taken {
  const first = textOf(pattern, bytes);
  if (first === undefined) return { length: 0, texts: [] };
  const length = pattern.bytes.length + first.length;
  const rest = eventsIn(pattern, bytes.slice(length));
  return { length: length + rest.length, texts: [first, ...rest.texts] };
}

function chunksIn(pattern: EventPattern, bytes: string): Taken {
  const [line = "", digits = ""] = /^([0-9a-f]{1,6})\r\n/iu.exec(bytes) ?? [];
  const data = bytes.slice(line.length, line.length + Number.parseInt(digits, 16));
  const length = line.length + data.length + 2;
  const text = textOf(pattern, data);
  const isWhole = text !== undefined && data.length === pattern.bytes.length + text.length && bytes.slice(length - 2, length) === "\r\n";
  if (line === "" || !isWhole) return { length: 0, texts: [] };
  const rest = chunksIn(pattern, bytes.slice(length));
  return { length: length + rest.length, texts: [text, ...rest.texts] };
}

/** Of the event that `bytes` begin with; undefined where they begin with another. */
function textOf({ bytes: pattern, before }: EventPattern, bytes: string): string | undefined {
  const around = Buffer.from(pattern).toString("latin1");
  const [text] = /^(?:\\[\x20-\xff]|[\x20-\x21\x23-\x5b\x5d-\xff])+(?=")/u.exec(bytes.slice(before)) ?? [];
  if (text === undefined || !bytes.startsWith(around.slice(0, before))) return undefined;
  return bytes.startsWith(around.slice(before), before + text.length) ? text : undefined;
}
