import { describe, expect, test } from "vitest";

import { HeadReader, type Framing, type HeadReading } from "./head.ts";

/** What is read of these bytes when they come in pieces of a size; `rest` is what the body begins with, as far as that was read. */
function readOf(bytes: string, size = bytes.length): HeadReading & { readonly rest?: string } {
  const reader = new HeadReader();
  for (let start = 0; start < bytes.length; start += size) {
    const piece = Buffer.from(bytes.slice(start, start + size), "latin1");
    const reading = reader.read(piece, piece.length);
    if (reading.kind === "head") return { ...reading, rest: piece.toString("latin1", reading.bodyAt) };
    if (reading.kind === "bad") return reading;
  }
  return { kind: "more" };
}

function headOf(...lines: readonly string[]): string {
  return [...lines, "", ""].join("\r\n");
}

const ok = "HTTP/1.1 200 OK";

describe("how a body ends, and whether its connection can be used after it:", () => {
  const closing: Framing = { kind: "close" };
  const heads: readonly [string, Framing, boolean][] = [
    [headOf(ok, "content-length: 3"), { kind: "length", bytes: 3 }, true],
    [headOf(ok, "content-length: 3", "connection: close"), { kind: "length", bytes: 3 }, false],
    [headOf("HTTP/1.0 200 OK", "content-length: 3"), { kind: "length", bytes: 3 }, false],
    [headOf("HTTP/1.0 200 OK", "content-length: 3", "connection: keep-alive"), { kind: "length", bytes: 3 }, true],
    [headOf(ok, "transfer-encoding: chunked"), { kind: "chunked" }, true],
    [headOf(ok, "transfer-encoding: gzip, chunked"), { kind: "chunked" }, true],
    [headOf(ok, "transfer-encoding: gzip", "Transfer-Encoding: chunked"), { kind: "chunked" }, true],
    [headOf(ok), closing, false],
    [headOf(ok, "connection: keep-alive"), closing, false],
    [headOf(ok, "transfer-encoding: gzip"), closing, false],
    [headOf(ok, "connection: keep-alive", "transfer-encoding: chunked, gzip"), closing, false],
    [headOf("HTTP/1.1 204 No Content"), { kind: "none" }, true],
    [headOf("HTTP/1.1 408 Request Timeout", "content-length: 0"), { kind: "length", bytes: 0 }, false],
    [headOf("HTTP/1.1 304 Not Modified", "content-length: 3"), { kind: "none" }, true],
    [headOf("HTTP/1.1 101 Switching Protocols", "upgrade: h2c"), { kind: "none" }, true],
  ];
  test.each(heads)("%j", (bytes, framing, keepAlive) => {
    for (const size of [bytes.length, 1, 7]) expect(readOf(bytes, size)).toMatchObject({ kind: "head", head: { framing, keepAlive } });
  });
});

test("a body is compressed whichever header says so, be there others", () => {
  const codings = [
    ["content-encoding: gzip"],
    ["transfer-encoding: gzip", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: GZIP, chunked"],
  ];
  for (const lines of codings) expect(readOf(headOf(ok, ...lines))).toMatchObject({ head: { compression: "gzip" } });
  expect(readOf(headOf(ok, "content-encoding: identity", "transfer-encoding: chunked"))).toMatchObject({
    head: { compression: undefined },
  });
  expect(readOf(headOf(ok, "content-length: 3", "transfer-encoding: gzip"))).toMatchObject({ kind: "bad" });
});

test("where a redirection leads is of redirections alone", () => {
  const location = "location: https://elsewhere.example";
  expect(readOf(headOf("HTTP/1.1 308 Moved", location))).toMatchObject({ head: { location: "https://elsewhere.example" } });
  expect(readOf(headOf("HTTP/1.1 201 Created", location))).toMatchObject({ head: { location: undefined } });
});

test("the body starts after the head, whatever was announced before it and however both are split", () => {
  const bytes = headOf("HTTP/1.1 103 Early Hints", "link: </a>") + headOf(ok, "content-length: 3");
  for (let size = 1; size <= bytes.length + 3; size++) {
    const { rest, ...reading } = readOf(`${bytes}one`, size);
    expect(reading).toMatchObject({ kind: "head", head: { status: 200 } });
    expect(rest).toBe(`${bytes}one`.slice(bytes.length, Math.ceil(bytes.length / size) * size));
  }
});

test("a head of up to 65536 bytes is read, and a longer one is none, whether it has an end or not", () => {
  const start = `${ok}\r\ncontent-length: 3\r\nx-a: `;
  const longest = start + "b".repeat(65_536 - start.length - 4);
  for (const size of [1_000_000, 65_536, 9_000]) {
    expect(readOf(`${longest}\r\n\r\n`, size)).toMatchObject({ kind: "head" });
    const tooLong = { kind: "bad", message: "a response head of more than 65,536 bytes" };
    expect(readOf(`${longest}b\r\n\r\n`, size)).toMatchObject(tooLong);
    expect(readOf(`${longest}${"b".repeat(10_000)}`, size)).toMatchObject(tooLong);
    expect(readOf(`${longest}${"\r\nx-c: d".repeat(1_000)}`, size)).toMatchObject(tooLong);
  }
});

test("a head like the last one is read to its end, whatever an earlier read has left behind the bytes just read", () => {
  const bytes = Buffer.from("HTTP/1.1 200 OK\r\nserver: same\r\n\r\n");
  expect(new HeadReader().read(bytes, bytes.length)).toMatchObject({ kind: "head", bodyAt: bytes.length });
  expect(new HeadReader().read(bytes, bytes.length - 1)).toEqual({ kind: "more" });
});
