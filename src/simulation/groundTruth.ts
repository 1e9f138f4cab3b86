import { appendFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";

import { punctualClock } from "../host/realClock.ts";
import { receiveStamps } from "../host/receiveStamps.ts";

/**
 * The ground-truth engine: a program that answers completions by a fixed timetable and writes down when it really did.
 * It computes nothing and parses as little as it can, so that what a client measures of it is the client's own error.
 *
 *     node src/simulation/groundTruth.ts --origin S,NS --truth FILE
 *
 * Prints its port. The timetable is in the path: of POST /100/20/v1/completions the first token is due 100 ms after the request was read,
 * each other one 20 ms after the one before. Each answered request adds a line to FILE: {"id", "received", "written": [ns, …]}, times
 * since the origin, taken just before each write; `id` is the request's x-request-id. `received` is when the kernel had it, where that
 * can be known, else when it was read.
 */
const { values } = parseArgs({
  options: {
    origin: { type: "string" },
    truth: { type: "string" },
  },
});
const [seconds = 0, nanoseconds = 0] = (values.origin ?? "0,0").split(",").map(Number);
const clock = punctualClock([seconds, nanoseconds]);
const stamps = receiveStamps(clock);

const head = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-tandem-simulated: true\r\ntransfer-encoding: chunked\r\n\r\n",
  "latin1",
);
const token = chunked('data: {"object":"text_completion","choices":[{"index":0,"text":" word","finish_reason":null}]}\n\n');

const server = createServer({ noDelay: true }, (socket) => {
  stamps.watch(socket);
  const reader = requestReader((request) => answer(socket, request));
  socket.on("data", reader);
  socket.on("error", () => socket.destroy()); // a client that leaves is not our news
});
server.listen(0, "127.0.0.1", 4_096, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
});
process.on("SIGTERM", () => process.exit(0));

interface Asked {
  readonly id: string;
  readonly tokens: number;
  readonly path: string;
  readonly received: number;
}

function answer(socket: Socket, asked: Asked): void {
  const [first, gap] = (/^\/([\d.]+)\/([\d.]+)\/v1\/completions$/.exec(asked.path)?.slice(1) ?? []).map((ms) => Number(ms) * 1e6);
  if (first === undefined || gap === undefined) {
    const body = asked.path.endsWith("/v1/models") ? '{"object":"list","data":[{"id":"ground-truth","max_model_len":1000000}]}' : "{}";
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    return;
  }
  const written: number[] = [];
  const due = (index: number) => asked.received + first + index * gap;
  const write = () => {
    if (socket.destroyed) return;
    written.push(clock.now());
    socket.write(written.length === 1 ? Buffer.concat([head, token]) : token);
    if (written.length < asked.tokens) clock.at(due(written.length), write);
    else finish();
  };
  const finish = () => {
    const usage = `{"prompt_tokens":0,"completion_tokens":${written.length},"total_tokens":${written.length}}`;
    socket.write(
      Buffer.concat([chunked(`data: {"choices":[],"usage":${usage}}\n\n`), chunked("data: [DONE]\n\n"), Buffer.from("0\r\n\r\n")]),
    );
    finished.push(JSON.stringify({ id: asked.id, received: asked.received, written }));
  };
  clock.at(due(0), write);
}

// Written down off the path of the tokens: once in a while, and at the end.
const finished: string[] = [];
setInterval(() => {
  if (finished.length === 0 || values.truth === undefined) return;
  appendFileSync(values.truth, `${finished.splice(0).join("\n")}\n`);
}, 100).unref();

function chunked(text: string): Buffer {
  const body = Buffer.from(text, "utf8");
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`, "latin1"), body, Buffer.from("\r\n", "latin1")]);
}

/** Requests on one connection, one after the other; each is told with the stamp of the read that completed it. */
function requestReader(tell: (asked: Asked) => void): (data: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (data) => {
    const received = stamps.last();
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    for (;;) {
      const end = pending.indexOf("\r\n\r\n");
      if (end === -1) return;
      const headers = pending.toString("latin1", 0, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(headers)?.[1] ?? 0);
      if (pending.length < end + 4 + length) return;
      const body = pending.toString("latin1", end + 4, end + 4 + length);
      pending = pending.subarray(end + 4 + length);
      tell({
        received,
        id: /\r\nx-request-id: *([^\r]*)/i.exec(headers)?.[1] ?? "",
        path: /^\S+ (\S+)/.exec(headers)?.[1] ?? "",
        tokens: Number(/"max_tokens": *(\d+)/.exec(body)?.[1] ?? 1),
      });
    }
  };
}
