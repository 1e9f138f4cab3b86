import { createServer, type Socket } from "node:net";

import { afterEach, describe, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Wire } from "../model/engine.ts";
import type { Line } from "../model/exchange.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import { httpLine } from "./httpLine.ts";
import { readBuffer } from "../http/alikeEvents.ts";
import { ReplyReader } from "./replyReader.ts";
import { chatText, chunkOf, data, done, exchange, lastChunk, listening, plainRequest, streamHead, testServer } from "./testServer.ts";

const chat: Wire = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false };
const a = chatText("a");
const chunkChoices = `${data({ choices: null })}${data({ id: "x" })}${data({ choices: [{ text: "" }, { text: "b" }] })}${done}`;

const open: Line[] = [];
afterEach(() => {
  for (const line of open.splice(0)) line.close();
});

function lineTo(url: string, opensAtMost = Infinity): Line {
  const line = httpLine({ url, wire: chat, servedModel: "tiny", clock: realClock(), opensAtMost });
  open.push(line);
  return line;
}

interface Read {
  readonly kinds: string;
  readonly outcome: Outcome;
}

/** What is read of these bytes, in reads of at most `size`. */
function readOf(bytes: string, { isClosed = false, instead, size = 65_536 }: ReadOptions = {}): Read {
  const kinds: string[] = [];
  const listener = {
    headers: () => {},
    chunk: (_: number, kind: string) => kinds.push(kind),
    texts: (_: number, count: number) => kinds.push(...Array.from({ length: count }, () => "text")),
  };
  const reader = new ReplyReader({ listener, keepText: false, maxOutputTokens: 1_000, secrets: [] });
  const all = Buffer.from(bytes);
  for (let at = 0; at < all.length && !reader.isOver; at += size) {
    const length = all.copy(readBuffer, 0, at, at + size);
    reader.read(at, readBuffer, length);
  }
  if (isClosed !== false) reader.close(isClosed === true ? undefined : isClosed);
  return { kinds: kinds.join(" "), outcome: reader.ending(instead).outcome };
}

interface ReadOptions {
  /** By the server in good order, or by what broke it. */
  readonly isClosed?: boolean | Error;
  readonly instead?: Outcome;
  readonly size?: number;
}

function stream(body: string): string {
  return streamHead + chunkOf(body) + lastChunk;
}

function delta(value: object): object {
  return { choices: [{ delta: value }] };
}

function headOf(...lines: readonly string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

describe("odd, and read all the same:", () => {
  const chunked = "transfer-encoding: chunked";
  const type = "content-type: text/event-stream";
  const body = chunkOf(a + a + done) + lastChunk;
  const odd: readonly [string, string, string][] = [
    ["[DONE] without a space, and what follows it", stream(`${a}data:[DONE]\n\n${a}${a}`), "text done"],
    ["choices that are null, absent, or only the second one has text", stream(chunkChoices), "empty empty text done"],
    ["function_call and refusal", stream(data(delta({ function_call: {} })) + data(delta({ refusal: "no" })) + done), "tool text done"],
    ["a byte order mark, comments, ids, and data without a value", stream(`\ufeff: hi\n\nid\nretry:x\ndata\n\n${a}${done}`), "text done"],
    ["a byte order mark before the first event", stream(`\ufeff${a}${done}`), "text done"],
    ["a head without a content type", headOf(chunked) + body, "text text done"],
    ["a content type told twice", headOf(type, type, chunked) + body, "text text done"],
    ["headers without a value", headOf("x-a:", type, "x-b: ", chunked) + body, "text text done"],
    ["HTTP/1.0 with chunks", (headOf(type, chunked) + body).replace("1.1", "1.0"), "text text done"],
    ["a quoted chunk extension", `${headOf(type, chunked)}${body.replace("\r\n", ';x="y;"\r\n')}`, "text text done"],
    [
      "a chunk's size in sixteen digits",
      `${headOf(type, chunked)}${body.replace(/^\w+/, (size) => size.padStart(16, "0"))}`,
      "text text done",
    ],
    ["103 Early Hints, three times", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(3) + stream(a + done), "text done"],
    ["five thousand interim heads", "HTTP/1.1 100\r\n\r\n".repeat(5_000) + stream(a + done), "text done"],
  ];
  test.each(odd)("%s", (_, bytes, kinds) => {
    for (const size of [65_536, 1_000, 7]) expect(readOf(bytes, { size })).toEqual({ kinds, outcome: { kind: "completed" } });
  });

  test("a head is too long, or it is not, however it is split", () => {
    const bytes = headOf(`x-a: ${"b".repeat(100_000)}`);
    for (const size of [65_536, 40_000, 9_000]) expect(readOf(bytes, { size }).outcome).toMatchObject({ code: "bad-response" });
  });
});

describe("what the server has told is not untold by a deadline that passes later:", () => {
  const instead = failed("idle-timeout", "no event came for 60 s within the stream");
  const told: readonly [string, string, object][] = [
    ["an error", streamHead + chunkOf(a + data({ error: { message: "engine died" } })), { code: "error-event", message: "engine died" }],
    [
      "a redirection",
      "HTTP/1.1 307 Moved\r\nlocation: https://elsewhere.example/v1?token=secret-1\r\ncontent-length: 0\r\n\r\n",
      { code: "http-status", message: "HTTP 307, which leads to https://elsewhere.example/v1?token=***" },
    ],
    ["a status", "HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\nbusy", { code: "http-status", message: "HTTP 503: busy" }],
    ["the end", streamHead + chunkOf(a + done), { kind: "completed" }],
    ["nothing of the kind", streamHead + chunkOf(a), instead],
  ];
  test.each(told)("%s", (_, bytes, outcome) => {
    expect(readOf(bytes, { instead }).outcome).toMatchObject(outcome);
  });
});

test("a stream that counts its tokens as it goes and ends with the connection, unfinished, was cut off", () => {
  const counted = data({ choices: [{ delta: { content: "a" }, finish_reason: null }], usage: { completion_tokens: 1 } });
  const { outcome } = readOf(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${counted}`, { isClosed: true });
  expect(outcome).toMatchObject({ kind: "failed", code: "disconnected" });
});

test("a body that lasts as long as its connection is whole where the server closed that, and not where it broke", () => {
  const bytes = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${a}${data({ choices: [{ delta: {}, finish_reason: "stop" }] })}`;
  expect(readOf(bytes, { isClosed: true }).outcome).toEqual({ kind: "completed" });
  const message = "the stream ended after 1 events with tokens, before its end (read ECONNRESET)";
  expect(readOf(bytes, { isClosed: new Error("read ECONNRESET") }).outcome).toEqual(failed("disconnected", message));
});

test("of a document without end no more is kept than says what it is", () => {
  const bytes = `HTTP/1.1 500 No\r\n\r\nbroken${" ".repeat(200_000)}too late`;
  expect(readOf(bytes, { isClosed: true }).outcome).toEqual(failed("http-status", "HTTP 500: broken"));
});

test("of several things that went wrong the first is told", () => {
  const boom = data({ error: { message: "boom" } });
  const later = [data({ error: { message: "and then that" } }), "data: nonsense\n\n"].map((event) => stream(a + boom + event));
  for (const bytes of [...later, `${streamHead}${chunkOf(a + boom)}no size\r\n`]) {
    expect(readOf(bytes).outcome).toEqual(failed("error-event", "boom"));
  }
});

test("the lines of an event are lines, as the standard has it", () => {
  expect(readOf(stream("data: [DO\ndata: NE]\n\n")).outcome).toEqual(failed("bad-response", "an event that is not JSON: [DO NE]"));
});

test("an event without end is given up", () => {
  const megabyte = "a".repeat(2 ** 20);
  const bytes = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ${megabyte.repeat(65)}`;
  expect(readOf(bytes).outcome).toEqual(failed("bad-response", "an event of more than 67,108,864 bytes"));
});

test("a reply to a wish that nobody had is a status like any other", () => {
  expect(readOf("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n").outcome).toEqual(failed("http-status", "HTTP 101"));
});

test("what comes in an event called error is one, whatever it says", () => {
  const { kinds, outcome } = readOf(stream(`${a}event: error\n${done}`));
  expect([kinds, outcome]).toEqual(["text error", failed("error-event", "[DONE]")]);
});

describe("a server that closes each connection as soon as it is open", () => {
  test("does not keep us opening others for ever", async () => {
    await using server = await closingServer();
    await lineTo(server.url).open(200);
    expect(server.connections()).toBeLessThanOrEqual(200);
  });

  test("fails a request after one more attempt", async () => {
    await using server = await closingServer();
    const line = lineTo(server.url);
    await line.open(1);
    const { sent, ended } = await exchange(line);
    expect(sent.length).toBeLessThanOrEqual(2);
    expect(ended.ending.outcome).toMatchObject({ kind: "failed", code: "disconnected" });
  });
});

interface ClosingServer extends AsyncDisposable {
  readonly url: string;
  readonly connections: () => number;
}

async function closingServer(): Promise<ClosingServer> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {}).destroy();
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  };
}

describe("a document where a stream should be is shown, whatever its type says:", () => {
  const typed = (type: string, body: string) =>
    `HTTP/1.1 200 OK\r\n${type === "" ? "" : `content-type: ${type}\r\n`}content-length: ${body.length}\r\n\r\n${body}`;
  const page = "<html><head><title>Gateway is asleep</title></head></html>";
  const documents: readonly (readonly [string, string, Outcome])[] = [
    ["a page without a type", typed("", page), failed("bad-response", "a page instead of text/event-stream: Gateway is asleep")],
    [
      "a page called a stream",
      typed("text/event-stream", page),
      failed("bad-response", "a page instead of text/event-stream: Gateway is asleep"),
    ],
    ["an error without a type", typed("", '{"error":{"message":"no room"}}'), failed("error-event", "no room")],
    [
      "an error of vLLM's older kind",
      typed("application/json", '{"object":"error","message":"too long"}'),
      failed("error-event", "too long"),
    ],
    [
      "a stream called JSON",
      typed("application/json", a),
      failed("bad-response", `application/json instead of text/event-stream: ${a.trim()}`),
    ],
    [
      "FastAPI's detail",
      typed("application/json", '{"detail":"not here"}'),
      failed("bad-response", "one JSON document instead of a stream: not here"),
    ],
  ];
  test.each(documents)("%s", (_, bytes, outcome) => {
    expect(readOf(bytes).outcome).toEqual(outcome);
    expect(readOf(bytes, { size: 1 }).outcome).toEqual(outcome);
  });
});

test("a reply whose body never ends after [DONE], whatever comes in it, keeps nobody waiting, and its connection is given up a second later", async () => {
  let closed = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(streamHead + chunkOf(a + done));
      const goesOn = setInterval(() => socket.write(chunkOf(": still here\n\n")), 2);
      socket.once("close", () => {
        closed++;
        clearInterval(goesOn);
      });
    });
  });
  const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
  const from = performance.now();
  const heard = await exchange(line, plainRequest());
  const waited = performance.now() - from;
  expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
  expect(waited).toBeLessThan(800);
  expect(closed).toBe(0);
  await expect.poll(() => closed).toBe(1);
  server.close();
});

test("a stream that stays open after an error keeps nobody waiting for longer than a second", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(streamHead + chunkOf(a + data({ error: { message: "boom" } }))));
  });
  const from = performance.now();
  const heard = await exchange(lineTo(`http://127.0.0.1:${await listening(server)}`), plainRequest());
  expect(heard.ended.ending.outcome).toEqual(failed("error-event", "boom"));
  expect(performance.now() - from).toBeLessThan(5_000);
  server.close();
});

test("who follows at once on a server that closes its connections finds one that is open", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
      setTimeout(() => socket.end(a + done), 100);
    });
  });
  const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
  await line.open(4);
  const lanes = Array.from({ length: 4 }, async () => {
    const reused: boolean[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const heard = await exchange(line, plainRequest());
      expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
      reused.push(...heard.sent.map((sent) => sent.reused));
    }
    return reused;
  });
  expect((await Promise.all(lanes)).flat()).toEqual(Array(16).fill(true));
  line.close();
  server.close();
});

test("a connection that was opened for whoever follows is kept while a request is under way or is about to be sent", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
      setTimeout(() => socket.end(a + done), bytes.includes("slow") ? 1_500 : 10);
    });
  });
  const url = `http://127.0.0.1:${await listening(server)}`;
  const slow = plainRequest({ messages: [{ role: "user", parts: [{ kind: "passage", text: "slow", tokenIds: [] }] }] });
  const underWay = lineTo(url);
  await underWay.open(2);
  const both = [exchange(underWay, slow), exchange(underWay)];
  const waits = lineTo(url);
  await waits.open(1);
  waits.expect?.();
  await exchange(waits);
  const comes = lineTo(url);
  await comes.open(1);
  await exchange(comes);
  comes.expect?.();
  await Promise.all(both);
  for (const line of [underWay, waits, comes]) expect((await exchange(line)).sent.map(({ reused }) => reused)).toEqual([true]);
  server.close();
});

/** As many connections at a time as it has workers, in the order in which they came; each is closed after a reply. */
async function serverOf(workers: number): Promise<{ readonly url: string; readonly open: Set<Socket>; close(): void }> {
  const [waiting, open] = [new Set<Socket>(), new Set<Socket>()];
  let free = workers;
  const work = () => {
    const [socket] = waiting;
    if (socket === undefined || free === 0) return;
    waiting.delete(socket);
    free--;
    socket.once("data", () => socket.end(`HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${a}${done}`));
    socket.once("close", () => {
      free++;
      work();
    });
    socket.resume();
  };
  const server = createServer((socket) => {
    socket.pause();
    socket.on("error", () => {});
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      waiting.delete(socket);
    });
    waiting.add(socket);
    work();
  });
  return { url: `http://127.0.0.1:${await listening(server)}`, open, close: () => void server.close() };
}

test.each([1, 2, 8])("a server with workers for %d connections, and no more, answers as many users as it has", async (workers) => {
  const server = await serverOf(workers);
  const line = lineTo(server.url);
  await line.open(workers);
  const users = Array.from({ length: workers }, async () => {
    for (let turn = 0; turn < 6; turn++) expect((await exchange(line, plainRequest())).ended.ending.outcome).toEqual({ kind: "completed" });
  });
  await Promise.all(users); // for ever, were a request written where nobody reads
  await expect.poll(() => server.open.size).toBe(0);
  server.close();
});

test.each<[string, (line: Line) => void]>([
  ["was too late", (line) => (line.expect?.(), line.discard?.(line.prepare(plainRequest(), () => undefined, false)))],
  ["was left from a phase before", (line) => (line.expect?.(), void line.open(0))],
])("no connection is kept for a request that %s", async (_, leave) => {
  const server = await serverOf(1);
  const line = lineTo(server.url);
  leave(line);
  await exchange(line);
  await expect.poll(() => server.open.size).toBe(0);
  server.close();
});

test("none is opened for whoever follows as long as others are ready", async () => {
  const { url, open } = await serverOf(4);
  const line = lineTo(url);
  await line.open(4);
  line.expect?.(); // so that none is given up, however long this takes
  for (let asked = 0; asked < 3; asked++) await exchange(line);
  await expect.poll(() => open.size).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(open.size).toBe(1);
});

test("one connection is opened for whoever follows on one that its server will close, in however many pieces the reply comes", async () => {
  let accepted = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    accepted++;
    socket.on("error", () => {});
    socket.once("data", () => {
      const pieces = ["HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", ...Array.from({ length: 20 }, () => a), done];
      const write = () => {
        const piece = pieces.shift();
        if (piece === undefined) socket.end();
        else socket.write(piece, () => setTimeout(write, 2));
      };
      write();
    });
  });
  const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
  await line.open(1);
  await exchange(line);
  await expect.poll(() => accepted).toBe(2);
  line.close();
  server.close();
});

test("a connection that is open only when its line has been closed is closed too", async () => {
  const server = await serverOf(1);
  const line = lineTo(server.url);
  line.expect?.();
  line.close();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(server.open.size).toBe(0);
  server.close();
});

test("a reply whose tokens made no text is whole when usage counts them, and empty when nothing does", () => {
  const nothing = chatText("");
  const usage = data({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 8 } });
  expect(readOf(stream(nothing + usage + done)).outcome).toEqual({ kind: "completed" });
  expect(readOf(stream(nothing + done)).outcome).toEqual(failed("empty", "a complete stream without a single token"));
});

test("a line that opens no connection ahead leaves none open, though its server would keep it", async () => {
  const kept = new Set<Socket>();
  await using server = await testServer((socket) => {
    kept.add(socket);
    socket.once("close", () => kept.delete(socket));
    socket.write(stream(a + done));
  });
  const line = lineTo(server.url, 0);
  for (let turn = 0; turn < 2; turn++) {
    expect((await exchange(line)).ended.ending.outcome).toEqual({ kind: "completed" });
    await expect.poll(() => kept.size).toBe(0);
  }
  expect(server.connections()).toBe(2);
});
