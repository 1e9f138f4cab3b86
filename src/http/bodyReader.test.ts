import { describe, expect, test } from "vitest";

import { BodyReader } from "./bodyReader.ts";
import type { Framing } from "./head.ts";

interface Read {
  readonly body: string;
  readonly isComplete: boolean;
  readonly problem: string | undefined;
  /** What is no part of it. */
  readonly rest: string;
}

/** What is read of these bytes when they come in pieces of a size. */
function readOf(framing: Framing, bytes: string, size: number): Read {
  let body = "";
  const piece = (from: Buffer, start: number, end: number) => void (body += from.toString("latin1", start, end));
  const reader = new BodyReader(framing, { piece, takeChunks: (_, at) => at });
  const all = Buffer.from(bytes, "latin1");
  let stopped = 0;
  for (let start = 0; start < all.length && stopped === start && reader.problem === undefined; start += size) {
    stopped = reader.read(all, start, Math.min(start + size, all.length));
  }
  return { body, isComplete: reader.isComplete, problem: reader.problem, rest: bytes.slice(stopped) };
}

const sizes = [1, 2, 7, 1_000_000];
const chunked: Framing = { kind: "chunked" };

describe("a body in chunks, however it is split:", () => {
  const bodies: readonly [string, string][] = [
    ["plain", "3\r\none\r\na\r\n and a two\r\n0\r\n\r\n"],
    ["lines that end with a line feed alone", "3\none\na\n and a two\n0\n\n"],
    ["sizes in capitals, with zeros before them", "003\r\none\r\n00000A\r\n and a two\r\n000\r\n\r\n"],
    ["extensions, and spaces before them", "3;a=b\r\none\r\nA \t;c\r\n and a two\r\n0;d\r\n\r\n"],
    ["trailers", "3\r\none\r\na\r\n and a two\r\n0\r\nx-a: b\r\nx-c: d\r\n\r\n"],
  ];
  test.each(bodies)("%s", (_, bytes) => {
    for (const size of sizes) {
      const read = readOf(chunked, `${bytes}HTTP/1.1`, size);
      expect(read).toEqual({ body: "one and a two", isComplete: true, problem: undefined, rest: "HTTP/1.1" });
    }
  });

  const problems: readonly [string, string, string][] = [
    ["no size", "one\r\n", "a chunk without a size"],
    ["no size of the second", "3\r\none\r\n\r\n", "a chunk without a size"],
    ["a size that is no number", "3x\r\none\r\n", "a chunk's size is not a number"],
    ["a size whose line does not end", "3\rone\r\n", "a chunk's size does not end its line"],
    ["more than its size", "2\r\none\r\n", "a chunk is longer than its size"],
    ["half a line end after it", "3\r\none\rtwo", "a chunk is longer than its size"],
    ["a size that nothing has", "1000000000001\r\n", "a chunk of more than 2^48 bytes"],
    ["a last line that does not end", "0\r\n\rone", "the last chunk does not end its line"],
    ["trailers without end", `0\r\n${"x-a: b\r\n".repeat(10_000)}`, "trailers of more than 65,536 bytes"],
  ];
  test.each(problems)("%s is a problem", (_, bytes, problem) => {
    for (const size of sizes) expect(readOf(chunked, bytes, size)).toMatchObject({ problem, isComplete: false });
  });
});

test("a body of known length ends with it, one of none at once, and one without either with its connection", () => {
  for (const size of sizes) {
    const { rest, ...read } = readOf({ kind: "length", bytes: 3 }, "one two", size);
    expect(read).toEqual({ body: "one", isComplete: true, problem: undefined });
    expect(" two").toContain(rest);
    expect(readOf({ kind: "length", bytes: 9 }, "one two", size)).toMatchObject({ body: "one two", isComplete: false, rest: "" });
    expect(readOf({ kind: "none" }, "one", size)).toMatchObject({ body: "", isComplete: true, rest: "one" });
    expect(readOf({ kind: "length", bytes: 0 }, "one", size)).toMatchObject({ body: "", isComplete: true, rest: "one" });
  }
  const reader = new BodyReader({ kind: "close" }, { piece: () => {}, takeChunks: (_, at) => at });
  reader.read(Buffer.from("one"), 0, 3);
  expect(reader.isComplete).toBe(false);
  reader.close();
  expect(reader.isComplete).toBe(true);
});
