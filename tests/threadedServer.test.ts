import { createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test } from "vitest";

import { folder, tandem } from "../src/cli/fixture.ts";
import { findTests } from "../src/journal/paths.ts";
import { readTest } from "../src/journal/read.ts";
import { chatText, chunkOf, done, lastChunk, listening, streamHead } from "../src/load/testServer.ts";
import { ttft } from "../src/measure/latency.ts";

/** From reading a request to its first token. */
const firstAfter = 0.05;
/** In seconds: late by what a busy machine takes, of nine in ten, where connections that nobody needs cost seconds; early as Node's timers are. */
const tolerance = { median: 0.02, most: 0.1, early: 0.002 };

test.each([
  { rate: 20, requests: 40, lasts: 0.35, threads: 16 },
  { rate: 100, requests: 150, lasts: 0.05, threads: 16 },
])(
  "a server that keeps one of its $threads threads for each new connection until it says something has its own TTFT at $rate requests/s",
  async ({ rate, requests, lasts, threads }) => {
    using where = folder();
    await using server = await threadedServer({ threads, lasts });
    const args = ["--rate", `${rate}`, "--requests", `${requests}`, "--context", "64", "--no-calibration", "-o", where.at("out")];
    const { stdout, stderr } = await tandem(["run", "--attach", server.url, ...args]);
    const ttfts = await ttftsOf(where.at("out"));
    expect(ttfts).toHaveLength(requests);
    const [median = 0, most = 0] = [ttfts[requests / 2], ttfts[0.9 * requests]];
    console.log(`TTFT ${[median, most, ttfts.at(-1) ?? 0].map((time) => (1e3 * time).toFixed(1)).join(" / ")} ms, p50 / p90 / max`);
    expect(median - firstAfter).toBeLessThan(tolerance.median);
    expect(most - firstAfter).toBeLessThan(tolerance.most);
    expect(firstAfter - (ttfts[0] ?? 0)).toBeLessThan(tolerance.early);
    expect(stderr + stdout).not.toContain("unwell");
  },
);

/** Ascending, in seconds. */
async function ttftsOf(directory: string): Promise<readonly number[]> {
  const [test = ""] = (await findTests(directory)).tests;
  const records = (await readTest(test)).experiments[0]?.records ?? [];
  return records.flatMap((record) => ttft(record) ?? []).sort((a, b) => a - b);
}

interface Threads {
  readonly threads: number;
  /** From reading a request to the end of its reply. */
  readonly lasts: number;
}

interface Client {
  readonly socket: Socket;
  /** Read and not answered yet. */
  request: string;
  hasThread: boolean;
}

/**
 * As gunicorn's gthread: a new connection waits for a thread and has it until its first reply has ended, however long it says nothing. Afterwards it has
 * none until it brings another request, which waits for one again.
 */
async function threadedServer({ threads, lasts }: Threads): Promise<AsyncDisposable & { readonly url: string }> {
  const clients = new Set<Client>();
  const waiting = new Set<Client>();
  let free = threads;
  const work = () => {
    for (const client of waiting) {
      if (free === 0) return;
      free--;
      waiting.delete(client);
      client.hasThread = true;
      if (isWhole(client.request)) void answer(client);
    }
  };
  const answer = async (client: Client) => {
    const { socket, request } = client;
    client.request = "";
    if (request.startsWith("GET")) {
      socket.write(json({ data: [{ id: "m" }] }));
    } else if (!request.includes('"stream":true')) {
      socket.write(json({ choices: [{ message: { content: "a" } }] }));
    } else {
      await pause(1e3 * firstAfter);
      socket.write(streamHead + chunkOf(chatText("a")));
      await pause(1e3 * (lasts - firstAfter));
      socket.write(chunkOf(done) + lastChunk);
    }
    leaveThread(client);
  };
  const leaveThread = (client: Client) => {
    if (!client.hasThread) return;
    client.hasThread = false;
    free++;
    work();
  };
  const server = createServer((socket) => {
    const client = { socket, request: "", hasThread: false };
    clients.add(client);
    waiting.add(client);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      clients.delete(client);
      waiting.delete(client);
      leaveThread(client);
    });
    socket.on("data", (bytes) => {
      client.request += bytes.toString("latin1");
      if (!client.hasThread) waiting.add(client);
      else if (isWhole(client.request)) void answer(client);
      work();
    });
    work();
  });
  return {
    url: `http://127.0.0.1:${await listening(server)}`,
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of clients) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isWhole(request: string): boolean {
  const headEnd = request.indexOf("\r\n\r\n");
  const length = Number(/content-length: (\d+)/i.exec(request)?.[1] ?? 0);
  return headEnd >= 0 && request.length >= headEnd + 4 + length;
}

function json(value: unknown): string {
  const body = JSON.stringify(value);
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
