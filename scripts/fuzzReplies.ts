import { readBuffer } from "../src/http/alikeEvents.ts";
import { ReplyReader } from "../src/load/replyReader.ts";
import { chunkOf, lastChunk } from "../src/load/testServer.ts";
import { draws, type Draw } from "../src/model/draw.ts";
import { fuzz } from "./fuzzWatch.ts";

// Replies made at random, whose events are known by construction, and the same ones broken at random. A whole one must give exactly its
// events. Any one, whole or broken, must be read to the end without an error, and give the same in one piece as in many.

/** What is wrong, if something is. */
function tryOne(draw: Draw): string | undefined {
  const broke = oneOf(["nothing", "nothing", "an event", "an event", "anything"] as const, draw);
  const reply = randomReply(draw, broke === "an event");
  const isBroken = broke !== "nothing";
  const bytes = broke === "anything" ? broken(reply.bytes, draw) : reply.bytes;
  const [whole, pieces] = [heard([bytes], reply.ends), heard(split(bytes, draw), reply.ends)];
  counts[isBroken ? "broken" : "whole"]++;
  if (whole !== pieces) return `one piece gives ${whole}\nmany give ${pieces}\nof ${JSON.stringify(bytes.toString("latin1"))}`;
  const expected = reply.events.join(" ");
  if (!isBroken && !whole.startsWith(`${expected} |`))
    return `${expected} expected\n${whole} heard\nof ${JSON.stringify(bytes.toString("latin1"))}`;
  return undefined;
}

/** Every event and how it ended, as text. */
function heard(pieces: readonly Buffer[], ends: boolean): string {
  const events: string[] = [];
  const reader = new ReplyReader({
    listener: {
      headers: (_, status) => events.push(`${status}`),
      chunk: (_, kind, tokens) => events.push(`${kind}${tokens}`),
      texts: (_, count) => events.push(...Array.from({ length: count }, () => "text1")),
    },
    keepText: true,
    maxOutputTokens: 1_000,
    secrets: [],
  });
  for (const piece of pieces) {
    if (reader.isOver) break;
    reader.read(0, readBuffer, piece.copy(readBuffer));
  }
  if (!reader.isOver && ends) reader.close(undefined);
  const ending = reader.ending();
  // A head that never becomes one is refused at its first line end, or was cut off before: either is right.
  return events.length === 0 ? ` | ${ending.outcome.kind}` : `${events.join(" ")} | ${JSON.stringify(ending)}`;
}

interface Reply {
  readonly bytes: Buffer;
  /** As the listener hears them, after the status. */
  readonly events: readonly string[];
  /** The connection ends after it. */
  readonly ends: boolean;
}

function randomReply(draw: Draw, withBrokenEvent: boolean): Reply {
  const lineEnd = oneOf(["\n", "\n", "\n", "\r\n", "\r"], draw);
  const frame = oneOf(frames, draw);
  const made = Array.from({ length: whole(24, draw) }, () => oneOf(eventMakers, draw)(draw));
  const last = made.findIndex(({ kind }) => kind === "done0");
  const counted = last < 0 ? made : made.slice(0, last + 1);
  const brokenAt = withBrokenEvent ? whole(made.length, draw) : -1;
  const texts = made
    .map(({ text }) => text.replaceAll("\n", lineEnd))
    .map((text, index) => (index === brokenAt ? broken(Buffer.from(text), draw).toString() : text));
  const { bytes, ends } = frame(texts, draw);
  return { bytes, ends, events: ["200", ...counted.flatMap(({ kind }) => (kind === undefined ? [] : [kind]))] };
}

interface MadeEvent {
  readonly text: string;
  readonly kind: string | undefined;
}

const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

const frames: readonly ((events: readonly string[], draw: Draw) => { bytes: Buffer; ends: boolean })[] = [
  (events) => ({ bytes: Buffer.from(`${head}transfer-encoding: chunked\r\n\r\n${events.map(chunkOf).join("")}${lastChunk}`), ends: false }),
  (events, draw) => {
    const pieces = split(Buffer.from(events.join("")), draw).filter(({ length }) => length > 0);
    const chunks = pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
    return {
      bytes: Buffer.concat([Buffer.from(`${head}transfer-encoding: chunked\r\n\r\n`), ...chunks, Buffer.from(lastChunk)]),
      ends: false,
    };
  },
  (events) => {
    const body = Buffer.from(events.join(""));
    return { bytes: Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body]), ends: false };
  },
  (events) => ({ bytes: Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${head}\r\n${events.join("")}`), ends: true }),
];

const words = [" word", "a", "schön", "漢字 🙂", '"quoted"', "back\\slash", "two\nlines", "data: ", "]}}", "[DONE]"];

const eventMakers: readonly ((draw: Draw) => MadeEvent)[] = [
  textEvent,
  textEvent,
  textEvent,
  textEvent,
  (draw) => event({ id: "c-1", choices: [{ index: 0, delta: { content: oneOf(words, draw) }, finish_reason: null }] }, "text1"),
  (draw) => event({ choices: [{ index: 0, delta: { content: [{ type: "text", text: oneOf(words, draw) }] } }] }, "text1"),
  () => event({ choices: [{ index: 0, delta: { role: "assistant", content: "" } }] }, "role0"),
  (draw) => event({ choices: [{ delta: { reasoning_content: oneOf(words, draw) } }] }, "reasoning1"),
  () => event({ choices: [{ delta: { tool_calls: [{ function: { arguments: '{"a":' } }] } }] }, "tool1"),
  () => event({ choices: [{ text: "", finish_reason: "stop" }] }, "empty0"),
  () => event({ choices: [], usage: { prompt_tokens: 1 } }, "usage0"),
  () => event({ choices: [], usage: { completion_tokens: 2_147_483_647 } }, "usage0"),
  (draw) => event({ choices: [{ text: oneOf(["", "a"], draw), finish_reason: oneOf(["abort", "error"], draw) }] }, "error0"),
  (draw) => event({ choices: [{ text: "a" }], error: oneOf([null, false, "", 0], draw) }, "text1"),
  () => event({ detail: "out of memory" }, "error0"),
  () => event({ error: { message: "out of memory" } }, "error0"),
  // A line end within a text ends the line, and with it the event that looked so familiar.
  () => ({ text: textEvent(() => 0).text.replace(" word", "wo\nrd"), kind: "error0" }),
  () => ({ text: ": ping\n\n", kind: undefined }),
  () => ({ text: "id: 1\nretry: 5\n\n", kind: undefined }),
  () => ({ text: "data: [DONE]\n\n", kind: "done0" }),
  (draw) => ({ text: `event: message\ndata:{"choices":\ndata: [{"text":${JSON.stringify(oneOf(words, draw))}}]}\n\n`, kind: "text1" }),
];

function textEvent(draw: Draw): MadeEvent {
  return event({ id: "c-1", choices: [{ index: 0, text: oneOf(words, draw), logprobs: null, finish_reason: null }], usage: null }, "text1");
}

function event(value: object, kind: string): MadeEvent {
  return { text: `data: ${JSON.stringify(value)}\n\n`, kind };
}

const nasty = ["\r", "\n", "\r\n\r\n", '"', "\\", "{", "}", "data: ", "0\r\n\r\n", "ffffffff\r\n", "\0", "\u00ff", "HTTP/1.1 500 No\r\n"];

/** A few bytes changed, left out, put in or doubled, or the end cut off. */
function broken(bytes: Buffer, draw: Draw): Buffer {
  let result = bytes;
  for (let left = 1 + whole(3, draw); left > 0; left--) {
    const at = whole(result.length, draw);
    const until = Math.min(result.length, at + whole(40, draw));
    const [before, between, after] = [result.subarray(0, at), result.subarray(at, until), result.subarray(until)];
    const piece = Buffer.from(oneOf(nasty, draw), "latin1");
    result = oneOf(
      [
        () => Buffer.concat([before, piece, result.subarray(at)]),
        () => Buffer.concat([before, Buffer.from([whole(256, draw)]), result.subarray(at + 1)]),
        () => Buffer.concat([before, after]),
        () => Buffer.concat([before, between, between, after]),
        () => before,
      ],
      draw,
    )();
  }
  return result;
}

function split(bytes: Buffer, draw: Draw): readonly Buffer[] {
  const cuts = draw() < 0.1 ? [...bytes.keys()] : Array.from({ length: whole(12, draw) }, () => whole(bytes.length, draw));
  const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
  return places
    .slice(1)
    .map((place, index) => bytes.subarray(places[index], place))
    .filter(({ length }) => length > 0);
}

function oneOf<Value>(values: readonly Value[], draw: Draw): Value {
  return values[whole(values.length, draw)] as Value; // never empty, and within
}

function whole(below: number, draw: Draw): number {
  return Math.floor(draw() * below);
}

const counts = { whole: 0, broken: 0 };
fuzz(
  (seed, input) => tryOne(draws(seed, `input ${input}`)),
  () => `${counts.whole} whole replies gave their events, ${counts.broken} broken ones the same in one piece as in many`,
);
