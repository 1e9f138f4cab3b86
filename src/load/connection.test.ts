import { createServer, type Socket } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { stampsWhenRead, type ReceiveStamps } from "../host/receiveStamps.ts";
import { readBuffer } from "../http/alikeEvents.ts";
import { Connection } from "./connection.ts";
import { httpLine } from "./httpLine.ts";
import { chatText, chunkOf, done, exchange, lastChunk, listening, plainRequest, streamHead, testServer } from "./testServer.ts";

test.each([
  ["after a minute, and then before that", 60e9],
  ["before its request was sent", -60e9],
])("no token is stamped before the one before it, nor before its request was sent, where it is said to have come %s", async (_, ahead) => {
  const pieces = [streamHead, ...["a", "b", "c"].map(chatText).map(chunkOf), chunkOf(done), lastChunk];
  await using server = await testServer((socket) => {
    pieces.forEach((piece, index) => setTimeout(() => socket.write(piece), 20 * index));
  });
  const clock = realClock();
  const line = httpLine({ url: server.url, wire, servedModel: "tiny", clock, stamps: goingBack(clock.now() + ahead) });
  const { sent, chunks, ended } = await exchange(line, plainRequest());
  line.close();
  const stamps = [sent[0]?.at ?? 0, ...chunks.map(({ at }) => at), ended.at];
  expect(chunks.length).toBeGreaterThanOrEqual(4);
  expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
});

test("connections read into memory that compiled code can look at", async () => {
  await using server = await testServer((socket) => socket.write(streamHead));
  const { hostname: host, port } = new URL(server.url);
  const clock = realClock();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const dialled = { host, port: Number(port), isTls: false, acceptAnyCertificate: false };
  const connection = new Connection({ server: dialled, clock, stamps: stampsWhenRead(clock) }, noCall);
  connection.user = { opened: noCall, received: (_, bytes) => resolve(bytes), lost: (_, cause) => reject(cause ?? new Error("closed")) };
  connection.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"), clock.now());
  expect(await promise).toBe(readBuffer);
  connection.destroy();
});

test("a request that its connection does not take at once arrives whole, and the connection carries the next one", async () => {
  const { received, connection } = await openConnection();
  const large = Buffer.alloc(8_000_000, "large ");
  connection.send(large, 0);
  expect(connection.hasUnsent).toBe(true);
  await expect.poll(received).toBe(large.toString());
  await expect.poll(() => connection.hasUnsent).toBe(false);
  connection.send(Buffer.from("next"), 0);
  await expect.poll(received).toBe(`${large.toString()}next`);
  connection.destroy();
});

test("what is sent while more is waiting comes after it", async () => {
  const { received, connection } = await openConnection();
  const pieces = ["one ", "two ", "three "].map((word) => Buffer.alloc(3_000_000, word));
  for (const piece of pieces) connection.send(piece, 0);
  await expect.poll(received).toBe(Buffer.concat(pieces).toString());
  connection.destroy();
});

test("whoever sends on a connection that its server has closed hears of it", async () => {
  const { accepted, connection } = await openConnection();
  const lost = new Promise((resolve) => {
    connection.user = { opened: noCall, received: noCall, lost: (_, cause) => resolve(cause) };
  });
  accepted.resetAndDestroy();
  connection.send(Buffer.from("x"), 0);
  connection.send(Buffer.from("x"), 0);
  expect(await lost).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
});

/** To a server that reads and says nothing. */
async function openConnection() {
  let text = "";
  const { promise: accepted, resolve: accept } = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    socket.on("error", noCall).on("data", (bytes) => (text += bytes.toString()));
    accept(socket);
  });
  onTestFinished(() => void server.close());
  const clock = realClock();
  const dialled = { host: "127.0.0.1", port: await listening(server), isTls: false, acceptAnyCertificate: false };
  const connection = new Connection({ server: dialled, clock, stamps: stampsWhenRead(clock) }, noCall);
  await new Promise<void>((resolve, lost) => {
    connection.user = { opened: resolve, received: noCall, lost };
  });
  return { connection, accepted: await accepted, received: () => text };
}

function noCall(): void {}

const wire = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;

/** Each stamp is 25 ms before the last one: as where packets came out of order, or the wall clock was set. */
function goingBack(from: number): ReceiveStamps {
  let next = from;
  return { source: "kernel", given: { kernel: 0, read: 0 }, watch: () => {}, last: () => (next -= 25e6) };
}
