import { createRequire } from "node:module";

import type { Seconds } from "../model/time.ts";
import { GrowingBytes } from "./growingBytes.ts";

/** How the length of a body is told. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** It ends with the connection. */
  | { readonly kind: "close" };

/** What we need to know of a response's head. */
export interface Head {
  readonly status: number;
  /** Whether the server leaves the connection open for another request. */
  readonly keepAlive: boolean;
  /** How long it leaves it open while nobody uses it, where it says so. */
  readonly idleTimeout: Seconds | undefined;
  readonly framing: Framing;
  readonly contentType: string | undefined;
  /** Anything but identity. */
  readonly compression: string | undefined;
  /** Where a redirection leads. */
  readonly location: string | undefined;
  /** By the server's own wall clock, to the second: when it answered. */
  readonly date: Seconds | undefined;
}

export type HeadReading =
  | { readonly kind: "more" }
  /** `bodyAt`: where in the bytes just read the body starts. */
  | { readonly kind: "head"; readonly head: Head; readonly bodyAt: number }
  | { readonly kind: "bad"; readonly message: string };

const longestHead = 65_536;
const tooLong: HeadReading = { kind: "bad", message: `a response head of more than ${longestHead} bytes` };
const lineFeed = 10;
/** Of the wait for a request: it may be on its way when one is sent, whose own reply would be taken for the next one's. */
const requestTimeout = 408;

/** Reads the head of one response from its pieces, skipping 1xx ones before it. */
export class HeadReader {
  private earlier: GrowingBytes | undefined;

  read(bytes: Buffer, start: number, end: number): HeadReading {
    const { earlier } = this;
    if (earlier === undefined) return this.parse(bytes, start, end, 0);
    const moved = earlier.length - start;
    earlier.append(bytes, start, end);
    // A head ends with a line, so that nothing has changed before the next line feed.
    const hasLine = bytes.subarray(start, end).includes(lineFeed);
    return hasLine || earlier.length > longestHead ? this.parse(earlier.bytes, 0, earlier.length, moved) : { kind: "more" };
  }

  /** `moved`: by how much positions in these bytes exceed positions in what the caller has read last. */
  private parse(bytes: Buffer, start: number, end: number, moved: number): HeadReading {
    let at = start;
    for (;;) {
      const parsed = parseHead(bytes, at, end);
      if (parsed.kind === "bad") return parsed;
      if (parsed.kind === "more") return this.goOnFrom(bytes, at, end);
      if (parsed.bodyAt - at > longestHead) return tooLong;
      if (isFinal(parsed.head)) return { ...parsed, bodyAt: parsed.bodyAt - moved };
      at = parsed.bodyAt;
    }
  }

  /** Keeps what may be the beginning of a head. */
  private goOnFrom(bytes: Buffer, at: number, end: number): HeadReading {
    if (end - at > longestHead) return tooLong;
    if (bytes === this.earlier?.bytes && at === 0) return { kind: "more" };
    this.earlier = undefined;
    if (at < end) {
      this.earlier = new GrowingBytes();
      this.earlier.append(bytes, at, end);
    }
    return { kind: "more" };
  }
}

/** Not one of those that only announce another. */
function isFinal({ status }: Head): boolean {
  return status >= 200 || status === 101;
}

// Heads are parsed by llhttp, compiled to WebAssembly: Node's own parser, out of the undici package (docs/decisions/http-parser.md).
// Bodies never go through it. One parser serves every connection, because a head is always parsed in one call, from its first byte.

interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly _initialize: () => void;
  readonly llhttp_alloc: (type: number) => number;
  readonly llhttp_reset: (parser: number) => void;
  readonly llhttp_execute: (parser: number, at: number, length: number) => number;
  readonly llhttp_get_error_pos: (parser: number) => number;
  readonly llhttp_get_error_reason: (parser: number) => number;
  readonly malloc: (bytes: number) => number;
}

const response = 2; // llhttp's constants
const paused = 21;
const ok = 0;

/** What the callbacks of the parse under way have seen. */
const seen = { status: 0, keepAlive: false, complete: false, names: [] as string[], values: [] as string[] };

const llhttp = load();
const parser = llhttp.llhttp_alloc(response);
const room = 2 * longestHead;
const roomAt = llhttp.malloc(room);

function load(): Llhttp {
  const code: Buffer = createRequire(import.meta.url)("undici/lib/llhttp/llhttp_simd-wasm.js");
  const nothing = () => 0;
  const env = {
    wasm_on_url: nothing,
    wasm_on_status: nothing,
    wasm_on_message_begin: nothing,
    wasm_on_body: nothing,
    wasm_on_message_complete: nothing,
    wasm_on_header_field: (_parser: number, at: number, length: number) => {
      seen.names.push(textAt(at, length).toLowerCase());
      return ok;
    },
    wasm_on_header_value: (_parser: number, at: number, length: number) => {
      seen.values.push(textAt(at, length));
      return ok;
    },
    wasm_on_headers_complete: (_parser: number, status: number, _upgrade: number, keepAlive: number) => {
      Object.assign(seen, { status, keepAlive: keepAlive === 1, complete: true });
      return paused;
    },
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code)), { env });
  const exports = instance.exports as unknown as Llhttp; // what that file exports is checked by every test that reads a head
  exports._initialize();
  return exports;
}

function textAt(at: number, length: number): string {
  return Buffer.from(llhttp.memory.buffer, at, length).toString("latin1");
}

/** Servers answer many requests of a second with the same head, byte for byte. */
let last: { readonly bytes: Buffer; readonly head: Head } | undefined;

function parseHead(bytes: Buffer, start: number, end: number): HeadReading {
  if (last !== undefined && isAt(last.bytes, bytes, start, end))
    return { kind: "head", head: last.head, bodyAt: start + last.bytes.length };
  const reading = parseNewHead(bytes, start, end);
  if (reading.kind === "head") last = { bytes: Buffer.from(bytes.subarray(start, reading.bodyAt)), head: reading.head };
  return reading;
}

function isAt(wanted: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const wantedEnd = start + wanted.length;
  return wantedEnd <= end && wanted.compare(bytes, start, wantedEnd) === 0;
}

function parseNewHead(bytes: Buffer, start: number, end: number): HeadReading {
  Object.assign(seen, { complete: false, names: [], values: [] });
  const length = Math.min(end - start, room);
  new Uint8Array(llhttp.memory.buffer, roomAt, length).set(bytes.subarray(start, start + length));
  llhttp.llhttp_reset(parser);
  const result = llhttp.llhttp_execute(parser, roomAt, length);
  if (seen.complete && result === paused) {
    const bodyAt = start + llhttp.llhttp_get_error_pos(parser) - roomAt;
    return headOf(seen.status, seen.keepAlive, headers(), bodyAt);
  }
  return result === ok ? { kind: "more" } : { kind: "bad", message: `not HTTP/1.1: ${reason()}` };
}

function reason(): string {
  const at = llhttp.llhttp_get_error_reason(parser);
  const bytes = Buffer.from(llhttp.memory.buffer, at);
  return bytes.toString("latin1", 0, Math.min(bytes.indexOf(0), 100));
}

function headers(): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [index, name] of seen.names.entries()) {
    const value = (seen.values[index] ?? "").trim();
    all.set(name, all.has(name) ? `${all.get(name)}, ${value}` : value);
  }
  return all;
}

function headOf(status: number, keepAlive: boolean, headers: ReadonlyMap<string, string>, bodyAt: number): HeadReading {
  const codings = (headers.get("transfer-encoding") ?? "")
    .toLowerCase()
    .split(/\s*,\s*/)
    .filter(Boolean);
  const compression = [headers.get("content-encoding")?.toLowerCase(), ...codings].find(
    (coding) => coding !== undefined && coding !== "" && coding !== "identity" && coding !== "chunked",
  );
  const framing = framingOf(status, codings, headers.get("content-length"));
  const contentType = headers.get("content-type");
  const idleTimeout = idleTimeoutIn(headers.get("keep-alive"));
  return {
    kind: "head",
    head: {
      status,
      keepAlive: keepAlive && status !== requestTimeout,
      idleTimeout,
      framing,
      contentType,
      compression,
      location: status >= 300 && status < 400 ? headers.get("location") : undefined,
      date: dateIn(headers.get("date")),
    },
    bodyAt,
  };
}

/** "timeout=5, max=100" says five seconds. */
function idleTimeoutIn(keepAlive: string | undefined): Seconds | undefined {
  const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d+)/i.exec(keepAlive ?? "")?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

function dateIn(date: string | undefined): Seconds | undefined {
  const milliseconds = Date.parse(date ?? "");
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1e3;
}

/** A length beside codings is no HTTP, and has been refused. */
function framingOf(status: number, codings: readonly string[], contentLength: string | undefined): Framing {
  if (status === 204 || status === 304 || status < 200) return { kind: "none" };
  if (codings.at(-1) === "chunked") return { kind: "chunked" };
  if (contentLength === undefined) return { kind: "close" };
  return { kind: "length", bytes: Number(contentLength) };
}
