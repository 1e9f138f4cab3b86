import { createRequire } from "node:module";

/** What a response's head says. Names of headers are in small letters, and one that comes several times has all its values, with commas. */
export interface ParsedHead {
  readonly status: number;
  readonly keepAlive: boolean;
  readonly headers: ReadonlyMap<string, string>;
}

export type HeadParsing =
  | { readonly kind: "more" }
  | ({ readonly kind: "head"; readonly bodyAt: number } & ParsedHead)
  | { readonly kind: "bad"; readonly message: string };

export const longestHead = 65_536;

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
  const exports = instance.exports as WebAssembly.Exports & Llhttp; // what that file exports is checked by every test that reads a head
  exports._initialize();
  return exports;
}

function textAt(at: number, length: number): string {
  return Buffer.from(llhttp.memory.buffer, at, length).toString("latin1");
}

/** One head, from `start` on; `bodyAt`: where it has ended. */
export function parseHead(bytes: Buffer, start: number, end: number): HeadParsing {
  Object.assign(seen, { complete: false, names: [], values: [] });
  const length = Math.min(end - start, room);
  new Uint8Array(llhttp.memory.buffer, roomAt, length).set(bytes.subarray(start, start + length));
  llhttp.llhttp_reset(parser);
  const result = llhttp.llhttp_execute(parser, roomAt, length);
  if (seen.complete && result === paused) {
    const bodyAt = start + llhttp.llhttp_get_error_pos(parser) - roomAt;
    return { kind: "head", status: seen.status, keepAlive: seen.keepAlive, headers: headers(), bodyAt };
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
