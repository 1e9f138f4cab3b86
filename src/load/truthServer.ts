import { createServer, type Socket } from "node:net";

import { realClock, type Origin } from "../host/realClock.ts";
import { chatText, chunkOf, done, lastChunk, listening, streamHead } from "./testServer.ts";

/** What the truth server is told, as JSON in its first argument. */
export interface TruthOptions {
  readonly origin: Origin;
  readonly tokens: number;
  readonly firstAfterMs: number;
  readonly everyMs: number;
}

/** A server in a process of its own that stamps each write on the same clock, just before it. Sends its port, and its stamps when asked. */
const { origin, tokens, firstAfterMs, everyMs }: TruthOptions = JSON.parse(process.argv[2] ?? "{}"); // written by the test that starts it
const clock = realClock(origin);
const stamps: Record<string, number[]> = {};
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
    clock.at(received + (firstAfterMs + index * everyMs) * 1e6, () => {
      written.push(clock.now());
      socket.write(token);
      if (index === tokens - 1) socket.write(ending);
    });
  }
}

process.on("message", () => process.send?.(stamps));
process.on("disconnect", () => process.exit());
process.send?.(await listening(server));
