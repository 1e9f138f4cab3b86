import { createServer, type Socket } from "node:net";

import { punctualClock, type Origin } from "../host/realClock.ts";
import { preferThisThread } from "../host/thisThread.ts";
import { chatText, chunkOf, done, lastChunk, listening, streamHead } from "./testServer.ts";

/** What the truth server is told, as JSON in its first argument. */
export interface TruthOptions {
  readonly origin: Origin;
  readonly tokens: number;
  readonly firstAfterMs: number;
  readonly everyMs: number;
}

/** What it tells when asked. */
export interface WrittenTruth {
  /** By stream, just before each write. */
  readonly stamps: Readonly<Record<string, readonly number[]>>;
  /** Of each token, from when it was due until it was written. */
  readonly late: readonly number[];
}

/** A server in a process of its own that stamps each write on the same clock, just before it. Sends its port, and what it wrote when asked. */
const { origin, tokens, firstAfterMs, everyMs }: TruthOptions = JSON.parse(process.argv[2] ?? "{}"); // written by the test that starts it
preferThisThread();
const clock = punctualClock(origin);
const stamps: Record<string, number[]> = {};
const late: number[] = [];
const token = Buffer.from(chunkOf(chatText("word")));
const ending = Buffer.from(chunkOf(done) + lastChunk);

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    const stream = /stream (\d+)/.exec(bytes.toString("latin1"))?.[1];
    if (stream !== undefined) answer(socket, stream, clock.now());
  });
});

function answer(socket: Socket, stream: string, received: number): void {
  socket.write(streamHead);
  const written: number[] = [];
  stamps[stream] = written;
  for (let index = 0; index < tokens; index++) {
    const due = received + (firstAfterMs + index * everyMs) * 1e6;
    clock.at(due, () => {
      written.push(clock.now());
      socket.write(token);
      late.push(clock.now() - due);
      if (index === tokens - 1) socket.write(ending);
    });
  }
}

process.on("message", () => process.send?.({ stamps, late } satisfies WrittenTruth));
process.on("disconnect", () => process.exit());
process.send?.(await listening(server));
