import { setTimeout as pause } from "node:timers/promises";

import { afterEach, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Wire } from "../model/engine.ts";
import type { Exchange, Line } from "../model/exchange.ts";
import { completed, failed } from "../model/outcome.ts";
import { httpLine, type WatchedLine } from "./httpLine.ts";
import { resolvingTo } from "./resolvingTo.ts";
import { chatText, chunkOf, done, exchange, lastChunk, plainRequest, streamHead, testServer } from "./testServer.ts";

const open: Line[] = [];
afterEach(() => {
  for (const line of open.splice(0)) line.close();
});

const chat: Wire = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false };

function lineTo(url: string, wire = chat): WatchedLine {
  const line = httpLine({ url, wire, servedModel: "m", clock: realClock() });
  open.push(line);
  return line;
}

function replyWith(text: string): string {
  return streamHead + chunkOf(chatText(text) + done) + lastChunk;
}

test("after a 408 that a server had written before it read the request, the next request gets its own reply", async () => {
  await using server = await testServer((socket, _, count) => {
    if (count === 1) socket.write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    setTimeout(() => socket.write(replyWith(`reply ${count} of its connection`)), 20 * count);
  });
  const line = lineTo(server.url);
  await line.open(1);
  const heard = [];
  for (let request = 0; request < 3; request++) heard.push(await exchange(line, plainRequest(), true));
  const endings = heard.map(({ ended }) => ended.ending);
  expect(endings.map(({ outcome }) => outcome)).toEqual([completed, failed("http-status", "HTTP 408"), completed]);
  expect(endings[2]?.text).toBe("reply 0 of its connection"); // and not 1 of the other, which was the true one of the request before
});

test("a whole reply on a connection whose request was answered is counted, and the next request gets its own", async () => {
  await using server = await testServer((socket, _, count) => {
    socket.write(replyWith(`reply ${count} of its connection`));
    setTimeout(() => socket.write(replyWith("nobody's")), 20);
  });
  const line = lineTo(server.url);
  await exchange(line);
  await expect.poll(() => line.unasked).toBe(1);
  const { ended } = await exchange(line, plainRequest(), true);
  expect(ended.ending.text).toBe("reply 0 of its connection");
});

test.each([
  ["chunked", replyWith("own")],
  ["of a told length", `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${done.length}\r\n\r\n${done}`],
  ["without a body", "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"],
])("a whole reply that comes in the same read as the end of the one before it is counted: %s", async (_, first) => {
  await using server = await testServer((socket, __, count) => void socket.write(count === 0 ? first + replyWith("nobody's") : "no HTTP"));
  const line = lineTo(server.url);
  for (const replies of [1, 2]) {
    await exchange(line);
    expect(line.unasked).toBe(replies);
  }
  const { ended } = await exchange(line, plainRequest(), true);
  expect(ended.ending.text ?? "").not.toContain("nobody's");
});

test.each(["\r\n", "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n", "rest"])(
  "what comes behind a reply and is no answer is not counted: %j",
  async (excess) => {
    await using server = await testServer((socket) => void socket.write(replyWith("own") + excess));
    const line = lineTo(server.url);
    const { ended } = await exchange(line);
    expect([ended.ending.outcome, line.unasked]).toEqual([completed, 0]);
  },
);

test("a 408 before an idle connection is closed is no such reply", async () => {
  await using server = await testServer((socket) => {
    socket.write(replyWith("a"));
    setTimeout(() => socket.end("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"), 20);
  });
  const line = lineTo(server.url);
  await exchange(line);
  await pause(100);
  expect(line.unasked).toBe(0);
});

test("replies given up in the read that says that their connection closes leave no more connections open for whoever follows", async () => {
  const head = streamHead.replace("\r\n", "\r\nconnection: close\r\n");
  await using server = await testServer((socket) => void socket.write(head + chunkOf(chatText("late"))));
  const line = lineTo(server.url);
  for (let request = 0; request < 8; request++) await givenUpAtItsFirstToken(line);
  await pause(100);
  expect(server.connections()).toBe(8);
});

async function givenUpAtItsFirstToken(line: Line): Promise<void> {
  await new Promise<void>((resolve) => {
    const prepared = line.prepare(plainRequest(), () => undefined, false);
    const late: Exchange = line.send(prepared, {
      sent: () => {},
      opened: () => {},
      headers: () => {},
      chunk: () => late.abort(failed("first-token-timeout", "no token within 1 s")),
      texts: () => {},
      ended: () => resolve(),
    });
  });
}

test("a name that nobody knows is told as one", async () => {
  using _ = resolvingTo();
  const { ended } = await exchange(lineTo("http://nowhere.invalid:80"));
  expect(ended.ending.outcome).toEqual(failed("refused", "getaddrinfo ENOTFOUND nowhere.invalid"));
});

test("where a name has several addresses and none takes a connection, it is told why the first did not", async () => {
  const server = await testServer(() => {});
  await server[Symbol.asyncDispose]();
  using _ = resolvingTo("127.0.0.2", "127.0.0.3");
  const { ended, sent } = await exchange(lineTo(`http://engine.example:${server.port}`));
  expect(ended.ending.outcome).toEqual(failed("refused", `connect ECONNREFUSED 127.0.0.2:${server.port}`));
  expect(sent).toHaveLength(1);
});

test("where a name has several addresses, one that takes a connection is enough", async () => {
  await using server = await testServer((socket) => void socket.write(replyWith("here")));
  using _ = resolvingTo("127.0.0.2", "127.0.0.1");
  const { ended } = await exchange(lineTo(server.url.replace("127.0.0.1", "engine.example")));
  expect(ended.ending.outcome).toEqual(completed);
});

test.each([
  ["an API key", "http://token-9.invalid", { ...chat, apiKey: "token-9" }],
  ["a secret of the query", "http://token-9.invalid?api_key=token-9", chat],
  ["a secret that a key begins", "http://token-9.invalid?api_key=token-9", { ...chat, apiKey: "token" }],
])("%s is in no message of a connection that could not be opened", async (_name, url, wire) => {
  using _ = resolvingTo();
  const { ended } = await exchange(lineTo(url, wire));
  expect(ended.ending.outcome).toEqual(failed("refused", "getaddrinfo ENOTFOUND ***.invalid"));
});
