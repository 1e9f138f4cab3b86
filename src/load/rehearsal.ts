import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Request } from "../model/request.ts";
import { ConnectionBudget } from "./connectionBudget.ts";
import { drive } from "./drive.ts";
import { httpLine } from "./httpLine.ts";
import type { Phase, Turn } from "./order.ts";
import type { ReceiveStamps } from "../host/receiveStamps.ts";

/** A function is compiled for good after it has run 3,000 times: whatever sends, reads and ends gets there. */
const requests = 3_200;
const streams = 48;
const replies = 8;
const tokens = 24;
const atOnce = 2;

let rehearsed: Promise<void> | undefined;

export interface RehearsalOptions {
  readonly clock: Clock;
  /** Of the kinds that will be used, so that their code is compiled too; what they are told is of no use. */
  readonly recorders: readonly Recorder[];
  /** Those that will be used. */
  readonly stamps?: ReceiveStamps;
  /** That this thread may open: half of them are used at most, each with two ends here, since others open files meanwhile. */
  readonly connections?: number;
}

/**
 * Plays a few thousand replies of a server in this very thread, once: whatever sends and reads is compiled by the time it counts.
 * Without it the first tokens of a thousand streams started at once were stamped 9 ms late at the median, with it about 1 ms.
 */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  rehearsed ??= play(options);
  await rehearsed;
}

async function play({ clock, recorders, stamps, connections = Infinity }: RehearsalOptions): Promise<void> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      if (bytes.includes(shortAsked)) return socket.write(shortAnswer);
      socket.write(head);
      return answer(socket, 0);
    });
  });
  const url = `http://127.0.0.1:${await portOf(server)}`;
  const wire = { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;
  const line = httpLine({
    url,
    wire,
    servedModel: "rehearsal",
    clock,
    ...(stamps === undefined ? {} : { stamps }),
    opensAtMost: streams,
    budget: new ConnectionBudget(connections / 4),
  });
  const { signal } = new AbortController();
  const options = {
    experiment: -1,
    lines: { rehearsal: line, again: line },
    clock,
    deadlines: defaultDeadlines,
    signal,
    keepText: false,
  };
  try {
    // What comes from another thread is made of other objects than what is written here.
    const phases = [bySchedule("rehearsal"), structuredClone(lanes("again"))];
    for (const recorder of recorders) await drive({ ...options, phases, recorder });
  } finally {
    line.close();
    server.close();
  }
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port; // listening on TCP, so it is not a path
}

const shortAsked = "a short one";
const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const token = chunk(`data: {"choices":[{"index":0,"text":" word","finish_reason":null}]}\n\n`);
const end = `${chunk(`data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":${tokens}}}\n\n`)}${chunk("data: [DONE]\n\n")}0\r\n\r\n`;

const shortAnswer = head + token + end;

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** A few events in a turn of the event loop, as a stream is read. */
function answer(socket: Socket, written: number): void {
  socket.write(written < tokens ? token.repeat(atOnce) : end);
  if (written < tokens) setImmediate(answer, socket, written + atOnce);
}

/** Requests with a time of their own and a reply of one token. */
function bySchedule(engine: string): Phase {
  return Array.from({ length: requests }, (_, id) => turnOf(engine, id, { kind: "at", offset: id / 20_000 }, shortAsked));
}

/** Streams, one after the other on each lane. */
function lanes(engine: string): Phase {
  return Array.from({ length: streams * replies }, (_, id) =>
    turnOf(engine, id, id < streams ? { kind: "at", offset: 0 } : { kind: "after", request: id - streams, pause: 0 }, "rehearsal"),
  );
}

function turnOf(engine: string, id: number, arrival: Request["arrival"], text: string): Turn {
  const parts = [{ kind: "passage", text, tokenIds: [] }] as const;
  const lengths = { contextTokens: 1, questionTokens: 0, reusableTokens: 0, maxOutputTokens: tokens };
  return {
    engine,
    block: 0,
    due: arrival.kind === "at" ? arrival.offset : undefined,
    request: { id, arrival, messages: [{ role: "user", parts }], ...lengths },
  };
}
