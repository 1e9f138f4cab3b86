import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { realClock } from "../host/realClock.ts";
import type { ChunkKind, Ending, ExchangeListener, Line } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { Request } from "../model/request.ts";
import { toNanoseconds, type Nanoseconds, type Seconds } from "../model/time.ts";

/** What a test's server does with one request: `count` is how many this connection has brought before. */
export type Answer = (socket: Socket, request: string, count: number) => void;

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Requests read so far, head and body. */
  readonly requests: readonly string[];
}

/** A server made of a bare socket, so that it can do everything wrong. */
export async function testServer(answer: Answer): Promise<TestServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    eachRequest(socket, (request, count) => {
      requests.push(request);
      answer(socket, request, count);
    });
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port; // listening on TCP, so it is not a path
}

function eachRequest(socket: Socket, take: (request: string, count: number) => void): void {
  let pending = "";
  let count = 0;
  socket.on("data", (bytes: Buffer) => {
    pending += bytes.toString("latin1");
    for (;;) {
      const headEnd = pending.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? 0);
      if (headEnd < 0 || pending.length < headEnd + 4 + length) return;
      const request = pending.slice(0, headEnd + 4 + length);
      pending = pending.slice(request.length);
      take(request, count++);
    }
  });
}

export const streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
export const lastChunk = "0\r\n\r\n";

export function chunkOf(body: string): string {
  return `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
}

export function data(value: unknown): string {
  return `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
}

export function chatText(content: string): string {
  return data({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
}

export const chatRole = data({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] });
export const done = data("[DONE]");

/**
 * A clock that stands still but for what is skipped: how long this machine takes for anything decides nothing. What is set comes as much later by this
 * machine's clock as it was to come by this one.
 */
export function standingClock(): { readonly clock: Clock; readonly skip: (seconds: Seconds) => void } {
  const real = realClock();
  let now = real.now();
  const clock: Clock = {
    now: () => now,
    at: (time, act) => real.at(real.now() + time - now, act),
    runUntil: async (done) => real.runUntil(done),
  };
  return { clock, skip: (seconds) => void (now += toNanoseconds(seconds)) };
}

/** Everything an exchange told, in order. */
export interface Heard {
  readonly sent: { readonly at: Nanoseconds; readonly reused: boolean }[];
  readonly headers: { readonly at: Nanoseconds; readonly status: number }[];
  readonly opened: { readonly at: Nanoseconds }[];
  readonly chunks: { readonly at: Nanoseconds; readonly kind: ChunkKind; readonly tokens: number }[];
  readonly ended: { readonly at: Nanoseconds; readonly ending: Ending };
}

/** Sends one request and resolves with what was heard of it. */
export async function exchange(line: Line, request: Request = plainRequest(), keepText = false): Promise<Heard> {
  const sent: Heard["sent"] = [];
  const headers: Heard["headers"] = [];
  const opened: Heard["opened"] = [];
  const chunks: Heard["chunks"] = [];
  return new Promise((resolve) => {
    const listener: ExchangeListener = {
      sent: (at, reused) => void sent.push({ at, reused }),
      opened: (at) => void opened.push({ at }),
      headers: (at, status) => void headers.push({ at, status }),
      chunk: (at, kind, tokens) => void chunks.push({ at, kind, tokens }),
      texts: (at, events) => {
        for (let event = 0; event < events; event++) chunks.push({ at, kind: "text", tokens: 1 });
      },
      ended: (at, ending) => resolve({ sent, opened, headers, chunks, ended: { at, ending } }),
    };
    line.expect?.();
    line.send(
      line.prepare(request, () => undefined, keepText),
      listener,
    );
  });
}

export function plainRequest(change: Partial<Request> = {}): Request {
  return {
    id: 0,
    arrival: { kind: "at", offset: 0 },
    messages: [{ role: "user", parts: [{ kind: "passage", text: "say hello", tokenIds: [5, 6] }] }],
    contextTokens: 1,
    questionTokens: 1,
    reusableTokens: 0,
    maxOutputTokens: 8,
    ...change,
  };
}
