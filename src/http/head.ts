import { grouped } from "../model/grouped.ts";
import type { Seconds } from "../model/time.ts";
import { GrowingBytes } from "./growingBytes.ts";
import { longestHead, parseHead, type ParsedHead } from "./parseHead.ts";

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

const tooLong: HeadReading = { kind: "bad", message: `a response head of more than ${grouped(longestHead)} bytes` };
const lineFeed = 10;
/** Said of the wait for a request, and perhaps while one was on its way: its reply would then be taken for that of the next one. */
const requestTimeout = 408;

/** Reads the head of one response from its pieces, skipping 1xx ones before it. */
export class HeadReader {
  private earlier: GrowingBytes | undefined;

  /** One read of the socket: `bytes` up to `length`. */
  read(bytes: Buffer, length: number): HeadReading {
    const { earlier } = this;
    if (earlier === undefined) return this.parse(bytes, length, 0);
    const kept = earlier.length;
    earlier.append(bytes, 0, length);
    // A head ends with a line, so that nothing has changed before the next line feed.
    const hasLine = bytes.subarray(0, length).includes(lineFeed);
    return hasLine || earlier.length > longestHead ? this.parse(earlier.bytes, earlier.length, kept) : { kind: "more" };
  }

  /** `kept`: so many of these bytes came before those just read. */
  private parse(bytes: Buffer, end: number, kept: number): HeadReading {
    let at = 0;
    for (;;) {
      const parsed = headAt(bytes, at, end);
      if (parsed.kind === "bad") return parsed;
      if (parsed.kind === "more") return this.goOnFrom(bytes, at, end);
      if (parsed.bodyAt - at > longestHead) return tooLong;
      if (isFinal(parsed.head)) return { ...parsed, bodyAt: parsed.bodyAt - kept };
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

/** Servers answer many requests of a second with the same head, byte for byte. */
let last: { readonly bytes: Buffer; readonly head: Head } | undefined;

function headAt(bytes: Buffer, start: number, end: number): HeadReading {
  if (last !== undefined && isAt(last.bytes, bytes, start, end))
    return { kind: "head", head: last.head, bodyAt: start + last.bytes.length };
  const parsed = parseHead(bytes, start, end);
  if (parsed.kind !== "head") return parsed;
  last = { bytes: Buffer.from(bytes.subarray(start, parsed.bodyAt)), head: headOf(parsed) };
  return { kind: "head", head: last.head, bodyAt: parsed.bodyAt };
}

function isAt(wanted: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const wantedEnd = start + wanted.length;
  return wantedEnd <= end && wanted.compare(bytes, start, wantedEnd) === 0;
}

function headOf({ status, keepAlive, headers }: ParsedHead): Head {
  const codings = (headers.get("transfer-encoding") ?? "")
    .toLowerCase()
    .split(/\s*,\s*/)
    .filter(Boolean);
  return {
    status,
    keepAlive: keepAlive && status !== requestTimeout,
    idleTimeout: idleTimeoutIn(headers.get("keep-alive")),
    framing: framingOf(status, codings, headers.get("content-length")),
    contentType: headers.get("content-type"),
    compression: [headers.get("content-encoding")?.toLowerCase(), ...codings].find(isCompression),
    location: status >= 300 && status < 400 ? headers.get("location") : undefined,
    date: dateIn(headers.get("date")),
  };
}

function isCompression(coding: string | undefined): boolean {
  return coding !== undefined && coding !== "" && coding !== "identity" && coding !== "chunked";
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
