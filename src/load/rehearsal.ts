import { createServer, type Socket } from "node:net";

import type { ReceiveStamps } from "../host/receiveStamps.ts";
import { portOf } from "../host/unusedPort.ts";
import type { Wire } from "../model/engine.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Request } from "../model/request.ts";
import { ConnectionBudget } from "./connectionBudget.ts";
import { drive } from "./drive.ts";
import { httpLine } from "./httpLine.ts";
import type { Phase, Turn } from "./phase.ts";
import { pack, unpack } from "./packedPhases.ts";

/** A function is compiled for good after it has run 3,000 times: whatever sends, reads and ends gets there. */
const requests = 3_200;
const streams = 48;
const longReplies = 8 * streams;
const tokens = 24;
const atOnce = 2;

let rehearsed: Promise<void> | undefined;

/**
 * One object of every kind that was compiled for. Without it V8, which finds none of them while garbage is collected before the load begins, throws all that code
 * away, and compiles it again amid the load.
 */
const kept: unknown[] = [];

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

async function play(options: RehearsalOptions): Promise<void> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      if (bytes.includes(shortAsked)) return socket.write(shortAnswer);
      socket.write(head);
      return answer(socket, 0);
    });
  });
  const port = await portOf(server, "127.0.0.1");
  try {
    // Once through everything and to its end: what Node does for the first time changes what it has, and code that is compiled by then is thrown away.
    await playOn(port, { short: 1, long: 1 }, options);
    await playOn(port, { short: requests, long: longReplies }, options);
  } finally {
    server.close();
  }
}

async function playOn(port: number, replies: Readonly<Record<"short" | "long", number>>, options: RehearsalOptions): Promise<void> {
  const { clock, recorders, stamps, connections = Infinity } = options;
  const budget = new ConnectionBudget(connections / 4);
  const line = (api: Wire["api"]) => {
    const wire = { api, takesTokenIds: false, tokenIdOffset: 0, fixesLength: false };
    const to = { url: `http://127.0.0.1:${port}`, wire, servedModel: "rehearsal", opensAtMost: streams, budget };
    return httpLine({ ...to, clock, ...(stamps === undefined ? {} : { stamps }) });
  };
  const lines = { short: line("completions"), long: line("chat") };
  // As they come from another thread.
  const phases = unpack(pack([bySchedule("short", replies.short), lanes("long", replies.long)]));
  const { signal } = new AbortController();
  const agree = () => Promise.resolve(clock.now()); // nobody else plays, and nothing need come to rest
  const order = { experiment: -1, lines, phases, clock, deadlines: defaultDeadlines, signal, keepText: false, agree };
  try {
    for (const recorder of recorders) await drive({ ...order, recorder });
    const immediate = setImmediate(() => {});
    kept.push(lines.short.latest, lines.long.latest, immediate);
  } finally {
    for (const each of Object.values(lines)) each.close();
  }
}

const shortAsked = "a short one";

// As vLLM answers: other servers' fields are among its own, or cost a look more.
const head = [
  "HTTP/1.1 200 OK",
  "date: Thu, 01 Jan 1970 00:00:00 GMT",
  "server: uvicorn",
  "content-type: text/event-stream; charset=utf-8",
  "transfer-encoding: chunked",
  "\r\n",
].join("\r\n");
const shortAnswer = head + event("text_completion", '"text":" word"') + theEnd("text_completion", 1);
const token = event("chat.completion.chunk", '"delta":{"content":" word"}');
const end = theEnd("chat.completion.chunk", tokens);

function event(object: string, text: string): string {
  const choice = `{"index":0,${text},"logprobs":null,"finish_reason":null,"token_ids":null}`;
  return chunk(`data: ${begun(object)}"choices":[${choice}]}\n\n`);
}

function theEnd(object: string, completion: number): string {
  const usage = `{"prompt_tokens":1,"total_tokens":${completion + 1},"completion_tokens":${completion},"prompt_tokens_details":{"cached_tokens":0}}`;
  return `${chunk(`data: ${begun(object)}"choices":[],"usage":${usage}}\n\n`)}${chunk("data: [DONE]\n\n")}0\r\n\r\n`;
}

function begun(object: string): string {
  return `{"id":"cmpl-adaf48244e3b7fd9","object":"${object}","created":1795512686,"model":"rehearsal",`;
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** A few events in a turn of the event loop, as a stream is read. */
function answer(socket: Socket, written: number): void {
  socket.write(written < tokens ? token.repeat(atOnce) : end);
  if (written < tokens) setImmediate(answer, socket, written + atOnce);
}

/** Requests with a time of their own and a reply of one token. */
function bySchedule(engine: string, count: number): Phase {
  return Array.from({ length: count }, (_, id) => turnOf(engine, id, { kind: "at", offset: id / 20_000 }, shortAsked));
}

/** Streams, one after the other on each lane. */
function lanes(engine: string, count: number): Phase {
  return Array.from({ length: count }, (_, id) =>
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
