import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { afterEach, describe, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Wire } from "../model/engine.ts";
import type { Line } from "../model/exchange.ts";
import { httpLine, type HttpLineOptions } from "./httpLine.ts";
import {
  chatRole,
  chatText,
  chunkOf,
  data,
  done,
  exchange,
  lastChunk,
  listening,
  plainRequest,
  standingClock,
  streamHead,
  testServer,
  type Answer,
  type Heard,
} from "./testServer.ts";

const chat: Wire = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false };
const usage = data({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4 } } });
const hello = streamHead + chunkOf(chatText("hel")) + chunkOf(chatText("lo")) + chunkOf(done) + lastChunk;

/** More than a system takes off our hands unread. */
const long = plainRequest({ messages: [{ role: "user", parts: [{ kind: "passage", text: "word ".repeat(4_000_000), tokenIds: [] }] }] });

const open: Line[] = [];
afterEach(() => {
  for (const line of open.splice(0)) line.close();
});

function lineTo(url: string, options: Partial<HttpLineOptions> = {}): Line {
  const line = httpLine({ url, wire: chat, servedModel: "tiny", clock: realClock(), ...options });
  open.push(line);
  return line;
}

/** One request to a server that answers like that. */
async function heardFrom(answer: Answer, wire: Wire = chat, keepText = false): Promise<Heard> {
  await using server = await testServer(answer);
  return await exchange(lineTo(server.url, { wire }), plainRequest(), keepText);
}

const says = (text: string) => async (): Promise<Heard> => heardFrom((socket) => void socket.write(text));
const saysAndCloses = (text: string) => async (): Promise<Heard> => heardFrom((socket) => void socket.end(text));

function kinds({ chunks }: Heard): readonly string[] {
  return chunks.map(({ kind }) => kind);
}

describe("a stream", () => {
  test("is told event by event, role and usage apart from tokens", async () => {
    const heard = await says(streamHead + [chatRole, chatText("hel"), chatText("lo"), usage, done].map(chunkOf).join("") + lastChunk)();
    expect(kinds(heard)).toEqual(["role", "text", "text", "usage", "done"]);
    expect(heard.chunks.map(({ tokens }) => tokens)).toEqual([0, 1, 1, 0, 0]);
    expect(heard.ended.ending).toEqual({
      outcome: { kind: "completed" },
      status: 200,
      promptTokens: 9,
      cachedTokens: 4,
      outputTokens: 2,
      outputTokensSource: "usage",
    });
    expect(heard.sent.map(({ reused }) => reused)).toEqual([false]);
    const [sent, opened, headers] = [heard.sent, heard.opened, heard.headers].map((stamps) => stamps.map(({ at }) => at));
    expect([sent, opened, headers].map((stamps) => stamps?.length)).toEqual([1, 1, 1]);
    expect([sent, opened, headers].flat()).toEqual([sent, opened, headers].flat().toSorted((one = 0, other = 0) => one - other));
  });

  test("whose bytes come one by one is the same stream", async () => {
    const heard = await heardFrom(
      (socket) => {
        const bytes = Buffer.from(streamHead + chunkOf(chatRole + chatText("schön 漢字")) + chunkOf(done) + lastChunk);
        let at = 0;
        const next = () => {
          if (at >= bytes.length) return;
          socket.write(bytes.subarray(at, ++at));
          setImmediate(next);
        };
        next();
      },
      chat,
      true,
    );
    expect(kinds(heard)).toEqual(["role", "text", "done"]);
    expect(heard.ended.ending).toMatchObject({
      outcome: { kind: "completed" },
      text: "schön 漢字",
      outputTokens: 1,
      outputTokensSource: "events",
    });
  });

  test("in which one event has a megabyte", async () => {
    const heard = await says(streamHead + chunkOf(chatText("x".repeat(1_000_000))) + chunkOf(done) + lastChunk)();
    expect(kinds(heard)).toEqual(["text", "done"]);
  });

  test("with 100-continue before it and trailers after it", async () => {
    const trailers = "0\r\nx-took: 3\r\nx-more: 4\r\n\r\n";
    const heard = await says(`HTTP/1.1 100 Continue\r\n\r\n${streamHead}${chunkOf(chatText("a") + done)}${trailers}`)();
    expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
    expect(heard.headers).toHaveLength(1);
  });

  test("without [DONE] is complete when the server said that it finished, counted its tokens, or sent all that were asked for", async () => {
    const finish = data({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    const usage = data({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 1 } });
    for (const end of [finish, usage, chatText("b").repeat(plainRequest().maxOutputTokens - 1)]) {
      const heard = await says(streamHead + chunkOf(chatText("a") + end) + lastChunk)();
      expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
    }
  });

  test("that breaks off is not complete, however well its body ends", async () => {
    const heard = await says(streamHead + chunkOf(chatText("a")) + lastChunk)();
    expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code: "disconnected" });
    expect(heard.ended.ending.outcome).toMatchObject({ message: "the stream ended after 1 events with tokens, before its end" });
  });

  test("that ends with the connection is complete only if the server said that it finished", async () => {
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    const finish = data({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    const cut = await saysAndCloses(head + chatText("a"))();
    const whole = await saysAndCloses(head + chatText("a") + finish)();
    const marked = await saysAndCloses(`${head}${chatText("a")}data: [DONE]`)();
    expect(cut.ended.ending.outcome).toMatchObject({ kind: "failed", code: "disconnected" });
    expect(whole.ended.ending.outcome).toEqual({ kind: "completed" });
    expect(marked.ended.ending.outcome).toEqual({ kind: "completed" });
  });

  test("whose body stays open after [DONE] is complete, and has ended once that was waited for", async () => {
    const heard = await says(streamHead + chunkOf(chatText("a") + done))();
    expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
    expect(heard.ended.at - (heard.chunks.at(-1)?.at ?? Infinity)).toBeGreaterThanOrEqual(5_000_000);
  });

  test("whose body ends after [DONE] has ended with it", async () => {
    let end = () => {};
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        end = () => void socket.write(lastChunk);
        socket.write(streamHead + chunkOf(chatText("a") + done));
      });
    });
    const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
    let lastChunkAt = Infinity;
    const { promise, resolve } = Promise.withResolvers<{ readonly at: number; readonly outcome: unknown }>();
    line.send(
      line.prepare(plainRequest(), () => undefined, false),
      {
        sent: () => {},
        opened: () => {},
        headers: () => {},
        // Only once it is read: on a busy machine both would be read at once.
        chunk: (at, kind) => {
          lastChunkAt = at;
          if (kind === "done") setTimeout(end, 2);
        },
        texts: () => {},
        ended: (at, { outcome }) => resolve({ at, outcome }),
      },
    );
    const { at, outcome } = await promise;
    server.close();
    expect(outcome).toEqual({ kind: "completed" });
    expect(at - lastChunkAt).toBeGreaterThanOrEqual(1_000_000);
  });

  test("of an engine that counts as it goes has the tokens of each event", async () => {
    const counted = (text: string, total: number) => data({ choices: [{ text }], usage: { prompt_tokens: 5, completion_tokens: total } });
    const body = counted("a", 1) + counted("bc", 4) + counted("", 5) + counted("d", 6) + done;
    const heard = await says(streamHead + chunkOf(body) + lastChunk)();
    expect(heard.chunks.map(({ kind, tokens }) => [kind, tokens])).toEqual([
      ["text", 1],
      ["text", 3],
      ["usage", 0],
      ["text", 2],
      ["done", 0],
    ]);
  });

  test("has its text where that is asked for, by the line for all of them or for one", async () => {
    await using server = await testServer((socket) => void socket.write(hello));
    const texts = [];
    for (const keepsText of [false, true]) {
      for (const keepText of [false, true])
        texts.push((await exchange(lineTo(server.url, { keepsText }), plainRequest(), keepText)).ended.ending.text);
    }
    expect(texts).toEqual([undefined, "hello", "hello", "hello"]);
  });

  test("read at once shares one stamp", async () => {
    const { chunks, ended } = await says(hello)();
    expect(new Set([...chunks.map(({ at }) => at), ended.at]).size).toBe(1);
  });
});

test("connections opened ahead are used in the order in which a server accepts them, however often it is made sure that they are there", async () => {
  const asked: string[] = [];
  let accepted = 0;
  const server = createServer((socket) => {
    const connection = accepted++;
    socket.on("data", (bytes) => {
      asked.push(`${/number \d/.exec(bytes.toString())?.[0]} on ${connection}`);
      socket.write(hello);
    });
    socket.on("error", () => {});
  });
  const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
  await line.open(4);
  await line.open(4);
  const ask = async (number: number) =>
    exchange(line, plainRequest({ messages: [{ role: "user", parts: [{ kind: "passage", text: `number ${number}`, tokenIds: [] }] }] }));
  await Promise.all([0, 1, 2, 3].map(ask));
  server.close();
  expect(asked.sort()).toEqual(["number 0 on 0", "number 1 on 1", "number 2 on 2", "number 3 on 3"]);
});

describe("a failure has its name:", () => {
  const failures: readonly [string, string, string, RegExp][] = [
    [
      "500 with JSON",
      document("500 Oops", "application/json", '{"error":{"message":"out of memory","code":5}}'),
      "http-status",
      /^HTTP 500: out of memory$/,
    ],
    ["500 without a word", document("500 Oops", "text/plain", ""), "http-status", /^HTTP 500$/],
    [
      "an HTML error page",
      document("502 Bad", "text/html", "<html><head><title>Bad Gateway</title></head><p>x</p></html>"),
      "http-status",
      /^HTTP 502: Bad Gateway$/,
    ],
    [
      "FastAPI's detail",
      document("422 No", "application/json", '{"detail":[{"loc":[1],"msg":"required"}]}'),
      "http-status",
      /^HTTP 422: required$/,
    ],
    [
      "an error inside the stream",
      stream(chatText("a") + data({ error: { message: "EngineCore died" } }) + done),
      "error-event",
      /^EngineCore died$/,
    ],
    ["an event named error", stream(`event: error\n${data({ message: "lost" })}`), "error-event", /^lost$/],
    ["an event that is not JSON", stream("data: hello\n\n"), "bad-response", /not JSON: hello/],
    ["no token at all", stream(chatRole + usage + done), "empty", /without a single token/],
    ["empty choices only", stream(data({ choices: [] }) + done), "empty", /without a single token/],
    ["a plain completion", document("200 OK", "application/json", '{"choices":[]}'), "bad-response", /ignores stream/],
    ["an error document with 200", document("200 OK", "application/json", '{"error":"busy"}'), "error-event", /^busy$/],
    ["the wrong content type", document("200 OK", "text/plain", "hi"), "bad-response", /^text\/plain instead of text\/event-stream: hi$/],
    ["a compressed body", stream("x").replace("\r\n", "\r\ncontent-encoding: gzip\r\n"), "bad-response", /compressed with gzip/],
    ["a chunk without a size", `${streamHead}hello\r\n`, "bad-response", /chunk without a size/],
    ["a chunk longer than its size", `${streamHead}2\r\nhello\r\n`, "bad-response", /longer than its size/],
    ["two lengths that disagree", `HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nhi`, "bad-response", /not HTTP/],
    ["a head without end", `HTTP/1.1 200 OK\r\n${"x-a: b\r\n".repeat(9_000)}`, "bad-response", /head of more than 65,536 bytes/],
    ["not HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n", "bad-response", /not HTTP/],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-", "disconnected", /within the response head/],
    [
      "half a body of known length",
      document("200 OK", "text/event-stream", chatText("a") + done).slice(0, -20),
      "disconnected",
      /before its end/,
    ],
  ];
  test.each(failures)("%s", async (_, answer, code, message) => {
    const heard = await saysAndCloses(answer)();
    expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code, message: expect.stringMatching(message) });
  });

  test("reset within a chunk", async () => {
    const heard = await heardFrom((socket) => {
      socket.write(`${streamHead}${chunkOf(chatText("a"))}ff\r\ndata: `);
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    expect(kinds(heard)).toEqual(["text"]);
    expect(heard.ended.ending).toMatchObject({ outcome: { kind: "failed", code: "disconnected" }, outputTokens: 1 });
  });

  test("nothing listens", async () => {
    const server = await testServer(() => {});
    await server[Symbol.asyncDispose]();
    // One address, or as many as the name has here.
    for (const url of [server.url, server.url.replace("127.0.0.1", "localhost")]) {
      const heard = await exchange(lineTo(url));
      expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code: "refused", message: expect.stringMatching(/ECONNREFUSED/) });
      expect(heard.sent).toHaveLength(1);
    }
  });

  test("a connection that does not open in time", async () => {
    // 192.0.2.0/24 is for documentation: nobody answers there. Where the network refuses at once, that is what is told.
    const heard = await exchange(lineTo("http://192.0.2.1:81", { connectWithin: 0.2 }));
    expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code: expect.stringMatching(/connect-timeout|refused/) });
  });

  test("the API key is in the request and in no message", async () => {
    const wire = { ...chat, apiKey: "sk-secret-123" };
    await using server = await testServer((socket) => {
      socket.end(document("401 No", "application/json", '{"error":{"message":"Incorrect key: sk-secret-123 !!"}}'));
    });
    const heard = await exchange(lineTo(server.url, { wire }));
    expect(server.requests[0]).toContain("Authorization: Bearer sk-secret-123\r\n");
    expect(JSON.stringify(heard)).toContain("HTTP 401: Incorrect key: *** !!");
    expect(JSON.stringify(heard)).not.toContain("secret");
  });

  test("no half of the API key is in a message that is cut within it", async () => {
    const wire = { ...chat, apiKey: "sk-secret-123" };
    await using server = await testServer((socket) => {
      socket.end(document("401 No", "text/plain", `${"x".repeat(290)} sk-secret-123`));
    });
    const heard = await exchange(lineTo(server.url, { wire }));
    expect(JSON.stringify(heard)).toContain("HTTP 401: xxx");
    expect(JSON.stringify(heard)).not.toContain("sk-");
  });

  test("aborted: with the outcome it was given, counts included, and only once", async () => {
    await using server = await testServer((socket) => void socket.write(streamHead + chunkOf(chatText("a"))));
    const line = lineTo(server.url);
    const endings: unknown[] = [];
    await new Promise<void>((resolve) => {
      const flight = line.send(
        line.prepare(plainRequest(), () => undefined, false),
        {
          sent: () => {},
          opened: () => {},
          headers: () => {},
          chunk: () => queueMicrotask(() => (flight.abort({ kind: "cancelled" }), flight.abort({ kind: "completed" }), resolve())),
          texts: () => {},
          ended: (_, ending) => endings.push(ending),
        },
      );
    });
    expect(endings).toEqual([{ outcome: { kind: "cancelled" }, status: 200, outputTokens: 1, outputTokensSource: "events" }]);
  });
});

describe("connections", () => {
  test("are kept and used again", async () => {
    await using server = await testServer((socket) => void socket.write(hello));
    const line = lineTo(server.url);
    await line.open(1);
    const heard = [await exchange(line), await exchange(line), await exchange(line)];
    expect(heard.map(({ sent }) => sent.map(({ reused }) => reused))).toEqual([[true], [true], [true]]);
    expect(server.connections()).toBe(1);
  });

  test.each([
    ["timeout=2", [true, false]],
    ["max=99, TIMEOUT = 2", [true, false]],
    ["timeout=5, max=99", [true, true]],
    ["max=2", [true, true]],
  ])("of a server that says Keep-Alive: %s are used again until a second before that", async (keepAlive, reused) => {
    const { clock, skip } = standingClock();
    await using server = await testServer((socket) => void socket.write(hello.replace("\r\n", `\r\nkeep-alive: ${keepAlive}\r\n`)));
    const line = lineTo(server.url, { clock });
    await line.open(1);
    await exchange(line);
    const soon = await exchange(line);
    skip(1.05);
    const later = await exchange(line);
    expect([soon, later].map(({ sent }) => sent.at(-1)?.reused)).toEqual(reused);
    expect(later.sent).toHaveLength(1); // not by way of a connection that turns out to be closed
  });

  test("of a server that keeps them for shorter go after those that stay open for longer", async () => {
    await using server = await testServer((socket) => void socket.write(hello.replace("\r\n", "\r\nkeep-alive: timeout=1\r\n")));
    const line = lineTo(server.url);
    await line.open(2);
    for (const reused of [true, true, false]) expect((await exchange(line)).sent.map((sent) => sent.reused)).toEqual([reused]);
  });

  test("that are open have no time by which they must be", async () => {
    await using server = await testServer((socket) => void setTimeout(() => socket.write(hello), 1_300));
    const heard = await exchange(lineTo(server.url, { connectWithin: 1 }));
    expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
  });

  test("are free again for whoever hears of the end", async () => {
    await using server = await testServer((socket) => void socket.write(hello));
    const line = lineTo(server.url);
    const reused: boolean[] = [];
    const next = Promise.withResolvers<void>();
    const send = (ended: () => void) => {
      const listener = {
        sent: (_: number, isReused: boolean) => reused.push(isReused),
        opened: () => {},
        headers: () => {},
        chunk: () => {},
      };
      line.send(
        line.prepare(plainRequest(), () => undefined, false),
        { ...listener, texts: () => {}, ended },
      );
    };
    send(() => send(next.resolve));
    await next.promise;
    expect(reused).toEqual([false, true]);
  });

  test("opened ahead carry the first requests", async () => {
    await using server = await testServer((socket) => void socket.write(hello));
    const line = lineTo(server.url);
    await line.open(100);
    const all = await Promise.all(Array.from({ length: 100 }, async () => exchange(line)));
    expect(all.every(({ sent }) => sent.length === 1 && sent[0]?.reused === true)).toBe(true);
    expect(server.connections()).toBe(100);
  });

  test("closed by the server between two requests cost a second attempt, not a failure", async () => {
    const { clock, skip } = standingClock();
    skip(60);
    await using server = await testServer((socket, _, count) => {
      if (count === 0) return void socket.write(hello);
      skip(0.03);
      socket.destroy();
    });
    const line = lineTo(server.url, { clock });
    await line.open(1);
    await exchange(line);
    const heard = await exchange(line);
    expect(heard.sent.map(({ reused }) => reused)).toEqual([true, false]);
    expect(heard.opened).toHaveLength(1);
    expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
  });

  test.each<[when: string, act: (socket: Socket, skip: (seconds: number) => void) => void]>([
    ["80 ms after it took the request", (socket, skip) => (skip(0.08), socket.destroy())],
    ["after the first byte of a reply", (socket) => void socket.end("H")],
  ])("that the server drops %s are the engine's failure: nothing is sent twice", async (_when, act) => {
    const { clock, skip } = standingClock();
    await using server = await testServer((socket, _, count) => {
      if (count === 0) socket.write(hello);
      else act(socket, skip);
    });
    const line = lineTo(server.url, { clock });
    await line.open(1);
    await exchange(line);
    const heard = await exchange(line);
    expect(heard.sent).toHaveLength(1);
    expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code: "disconnected" });
  });

  test("closed unread by a server that was busy for longer than a round trip cost a second attempt too, also those that were opened ahead", async () => {
    let count = 0;
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on("error", () => {});
      if (count++ === 0) setTimeout(() => socket.destroy(), 150);
      else socket.once("data", () => socket.write(hello)).resume();
    });
    const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
    await line.open(1);
    const heard = await exchange(line);
    line.close();
    server.close();
    expect(heard.sent.map(({ reused }) => reused)).toEqual([true, false]);
    expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
  });

  test("that took long to open have twice as long to turn out to have been closed", async () => {
    const { clock, skip } = standingClock();
    await using server = await testServer((socket, _, count) => {
      if (count === 0) return void socket.write(hello);
      skip(0.07);
      socket.end();
    });
    const line = lineTo(server.url, { clock });
    const opening = line.open(1);
    skip(0.3);
    await opening;
    await exchange(line);
    const heard = await exchange(line);
    expect(heard.sent.map(({ reused }) => reused)).toEqual([true, false]);
    expect(heard.ended.ending.outcome).toEqual({ kind: "completed" });
  });

  test("that the server ends before it has read the request are lost at once", async () => {
    const server = createServer({ pauseOnConnect: true }, (socket) => void socket.on("error", () => {}).end());
    const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
    const heard = await exchange(line, long);
    line.close();
    server.close();
    expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code: "disconnected" });
  });

  test("that fail twice are not tried a third time", async () => {
    await using server = await testServer((socket) => void socket.destroy());
    const line = lineTo(server.url);
    await line.open(1);
    const heard = await exchange(line);
    expect(heard.sent.map(({ reused }) => reused)).toEqual([true, false]);
    expect(heard.ended.ending.outcome).toMatchObject({ kind: "failed", code: "disconnected" });
  });

  test("that the server wants closed, or that bring more than the reply, are not used again", async () => {
    const closing = hello.replace("\r\n", "\r\nconnection: close\r\n");
    const before: number[] = [];
    await using server = await testServer((socket, request, count) => {
      before.push(count);
      socket.write(request.includes("one") ? closing : `${hello}HTTP/1.1 200 OK\r\n`);
    });
    const line = lineTo(server.url);
    for (const text of ["one", "two", "three"]) {
      const request = plainRequest({ messages: [{ role: "user", parts: [{ kind: "passage", text, tokenIds: [] }] }] });
      expect((await exchange(line, request)).ended.ending.outcome).toEqual({ kind: "completed" });
    }
    expect(before).toEqual([0, 0, 0]);
  });

  test("on which the server answers before it has read the request are read and given up", async () => {
    const refusal = "HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large";
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.pause();
      socket.write(refusal);
    });
    const line = lineTo(`http://127.0.0.1:${await listening(server)}`);
    for (let time = 0; time < 2; time++) {
      const heard = await exchange(line, long);
      expect(heard.sent.map(({ reused }) => reused)).toEqual([false]);
      expect(heard.ended.ending.outcome).toMatchObject({ code: "http-status", message: "HTTP 413: too large" });
    }
    server.close();
  });
});

test("a server that speaks TLS is measured the same way, its certificate checked unless told otherwise", async () => {
  const { key, cert } = selfSigned;
  const server = createTlsServer({ key, cert }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(hello));
  });
  server.on("tlsClientError", () => {});
  const url = `https://127.0.0.1:${await listening(server)}`;
  const trusting = await exchange(lineTo(url, { acceptAnyCertificate: true }), plainRequest(), true);
  const strict = await exchange(lineTo(url));
  server.close();
  expect(trusting.ended.ending).toMatchObject({ outcome: { kind: "completed" }, text: "hello" });
  expect(strict.ended.ending.outcome).toMatchObject({ kind: "failed", code: "refused", message: expect.stringMatching(/self.signed/i) });
});

function stream(body: string): string {
  return streamHead + chunkOf(body) + lastChunk;
}

function document(status: string, type: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

// Made for this test: it is no secret, and it names nobody.
const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghBP1aQsx6v1TJQh/
d7d0NYgCu3pgK+snem2tUZMDME2hRANCAATrCT+jiLgc4csMFIY45CSY1/gmu/SF
4I5z09m/mecuoH0k46zbjrl47V+kjrGWU5G7iMp62v51MxnpntvZ9rQd
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUb/wHXFRAP8kaXgCtbYmr9tDmlh8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDExMjgyOVoYDzIxMjYxMDMx
MTEyODI5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATrCT+jiLgc4csMFIY45CSY1/gmu/SF4I5z09m/mecuoH0k46zbjrl4
7V+kjrGWU5G7iMp62v51MxnpntvZ9rQdo1MwUTAdBgNVHQ4EFgQU8l5G4IRNiJlj
AbLyOsfh6Bqq5NQwHwYDVR0jBBgwFoAU8l5G4IRNiJljAbLyOsfh6Bqq5NQwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiALLOHO5TVp85jLImYMPgcn
I8Pa6dZeTxmKKyhQ4R1+TgIgCJeWo/YykaI58AXRHPev1gOZW+SEd+TElc45qL9m
bm8=
-----END CERTIFICATE-----`,
};
