import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { KeptPage } from "./keptPage.ts";

const never = new AbortController().signal;
const well = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

test("a page is read again and again on one connection, with the query and the headers it was given", async () => {
  const server = await serving(() => well);
  using page = new KeptPage(`${server.url}/metrics?of=all`, { headers: { authorization: "Bearer key" } });
  for (let time = 0; time < 3; time++) expect(await read(page)).toBe("200 ok");
  expect(server.connections()).toBe(1);
  expect(server.asked[0]?.split("\r\n")).toEqual([
    "GET /metrics?of=all HTTP/1.1",
    `host: ${server.host}`,
    "authorization: Bearer key",
    "",
    "",
  ]);
});

test("what is sent with the question goes by POST", async () => {
  const server = await serving(() => well);
  using page = new KeptPage(server.url, { content: '{"a":"ö"}' });
  expect(await read(page)).toBe("200 ok");
  expect(server.asked[0]?.split("\r\n")).toEqual([
    "POST / HTTP/1.1",
    `host: ${server.host}`,
    "content-type: application/json",
    "content-length: 10",
    "",
    '{"a":"ö"}',
  ]);
});

test("an answer without end is given up", async () => {
  const server = await serving(() => `HTTP/1.1 200 OK\r\n\r\n${"a".repeat(17_000_000)}`);
  using page = new KeptPage(server.url);
  await expect(page.read(10, never)).rejects.toThrow("it answers with more than 16,000,000 bytes");
});

test.each([
  ["in chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"],
  ["until the connection ends", "HTTP/1.1 200 OK\r\n\r\nok"],
  ["after an early hint", `HTTP/1.1 103 Early Hints\r\n\r\n${well}`],
  ["and then closes", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"],
])("a server that answers %s is understood, also byte by byte", async (how, answer) => {
  for (const size of [answer.length, 1]) {
    const server = await serving(() => answer, { size, ends: how.includes("connection ends") });
    using page = new KeptPage(server.url);
    expect(await read(page)).toBe("200 ok");
    expect(await read(page)).toBe("200 ok");
    expect(server.connections()).toBe(/closes|connection ends/.test(how) ? 2 : 1);
  }
});

test("a connection that the server closed in between, or as it was asked, is opened again", async () => {
  let isClosing = false;
  const server = await serving((socket) => {
    if (isClosing) socket.destroy();
    isClosing = false;
    return well;
  });
  using page = new KeptPage(server.url);
  await read(page);
  server.endConnections();
  await pause(50);
  expect(await read(page)).toBe("200 ok");
  isClosing = true;
  expect(await read(page)).toBe("200 ok");
  expect(server.connections()).toBe(3);
});

test("one that closes before it has answered, or is not there, is an error", async () => {
  const server = await serving((socket) => void socket.destroy());
  using page = new KeptPage(server.url);
  await expect(page.read(1, never)).rejects.toThrow(/closed the connection|ECONNRESET/);
  await server.end();
  await expect(page.read(1, never)).rejects.toThrow("ECONNREFUSED");
});

test("a question that was taken is not asked again: half an answer to it is an error, and none in time a TimeoutError", async () => {
  let taken = 0;
  const server = await serving((socket) => {
    if (taken++ % 2 === 0) return well;
    if (taken === 2) socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no");
    return undefined;
  });
  using page = new KeptPage(server.url);
  expect(await read(page)).toBe("200 ok");
  await expect(page.read(10, never)).rejects.toThrow("it closed the connection");
  expect(await read(page)).toBe("200 ok");
  await expect(page.read(0.2, never)).rejects.toThrow("no answer in time");
  expect(server.asked).toHaveLength(4);
});

test("what comes unasked is no answer to the next question", async () => {
  const server = await serving(() => well);
  using page = new KeptPage(server.url);
  expect(await read(page)).toBe("200 ok");
  const closed = new Promise((resolve) => server.sockets[0]?.once("close", resolve));
  server.sockets[0]?.write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
  await closed;
  expect(await read(page)).toBe("200 ok");
  expect(server.connections()).toBe(2);
});

test("no answer in time is a TimeoutError, and whoever stops waiting is told with their own reason", async () => {
  const server = await serving(() => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no");
  using page = new KeptPage(server.url);
  await expect(page.read(0.1, never)).rejects.toMatchObject({ name: "TimeoutError" });
  const stop = new AbortController();
  const reading = page.read(5, stop.signal);
  stop.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
  await expect(page.read(5, stop.signal)).rejects.toThrow("enough");
});

test("two readings at once are two answers", async () => {
  let asked = 0;
  const server = await serving(() => `HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${asked++}`);
  using page = new KeptPage(server.url);
  expect(await Promise.all([read(page), read(page)])).toEqual(["200 0", "200 1"]);
});

async function read(page: KeptPage): Promise<string> {
  const { status, body } = await page.read(1, never);
  return `${status} ${body.toString()}`;
}

/** Answers each question with what it is told, in pieces of a size. */
async function serving(answer: (socket: Socket) => string | undefined, { size = 1e6, ends = false } = {}) {
  const sockets: Socket[] = [];
  const asked: string[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      asked.push(bytes.toString());
      void write(socket, answer(socket) ?? "");
    });
  });
  const write = async (socket: Socket, text: string) => {
    for (let at = 0; at < text.length && !socket.destroyed; at += size) {
      socket.write(text.slice(at, at + size));
      if (size === 1) await new Promise(setImmediate);
    }
    if (ends) socket.end();
  };
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  const endConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  const end = async () => {
    endConnections();
    await new Promise((onClosed) => server.close(onClosed));
  };
  onTestFinished(end);
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
  return { url: `http://${host}`, host, asked, sockets, connections: () => sockets.length, endConnections, end };
}
