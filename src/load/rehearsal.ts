import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Request } from "../model/request.ts";
import { drive } from "./drive.ts";
import { httpLine } from "./httpLine.ts";
import type { Phase } from "./order.ts";

const streams = 48;
const replies = 12;
const tokens = 24;

let rehearsed: Promise<void> | undefined;

/**
 * Plays a few hundred replies of a server in this very process, unrecorded and once: whatever sends and reads is compiled by the time it
 * counts. Without it the first tokens of a thousand streams started at once were stamped 9 ms late at the median, with it about 1 ms.
 */
export async function rehearse(clock: Clock): Promise<void> {
  rehearsed ??= play(clock);
  await rehearsed;
}

async function play(clock: Clock): Promise<void> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", () => answer(socket, 0));
  });
  const url = `http://127.0.0.1:${await portOf(server)}`;
  const wire = { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;
  const line = httpLine({ url, wire, servedModel: "rehearsal", clock });
  const { signal } = new AbortController();
  const options = {
    experiment: -1,
    lines: { rehearsal: line },
    clock,
    deadlines: defaultDeadlines,
    tell: () => {},
    signal,
    keepText: false,
  };
  try {
    await drive({ ...options, phases: [lanes()], recorder: nobody });
  } finally {
    line.close();
    server.close();
  }
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port; // listening on TCP, so it is not a path
}

const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const token = chunk(`data: {"choices":[{"index":0,"text":" word","finish_reason":null}]}\n\n`);
const end = `${chunk(`data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":${tokens}}}\n\n`)}${chunk("data: [DONE]\n\n")}0\r\n\r\n`;

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** One event in a turn of the event loop, as a stream is read. */
function answer(socket: Socket, written: number): void {
  socket.write((written === 0 ? head : "") + (written < tokens ? token : end));
  if (written < tokens) setImmediate(answer, socket, written + 1);
}

function lanes(): Phase {
  const parts = [{ kind: "passage", text: "rehearsal", tokenIds: [] }] as const;
  return Array.from({ length: streams * replies }, (_, id) => {
    const isFirst = id < streams;
    const arrival: Request["arrival"] = isFirst ? { kind: "at", offset: 0 } : { kind: "after", request: id - streams, pause: 0 };
    const lengths = { contextTokens: 1, questionTokens: 0, reusableTokens: 0, maxOutputTokens: tokens };
    return {
      engine: "rehearsal",
      block: 0,
      due: isFirst ? 0 : undefined,
      request: { id, arrival, messages: [{ role: "user", parts }], ...lengths },
    };
  });
}

const nobody: Recorder = { due: () => 0, stamp: () => {}, ended: () => {}, reading: () => {} };
