import { readFileSync } from "node:fs";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { readBuffer } from "../http/alikeEvents.ts";
import type { Ending } from "../model/exchange.ts";
import { failed } from "../model/outcome.ts";
import { ReplyReader } from "./replyReader.ts";
import { chatRole, chatText, chunkOf, data, done, lastChunk, streamHead } from "./testServer.ts";

interface Read {
  readonly events: readonly string[];
  readonly ending: Ending;
}

/** Reads a response that arrives in these pieces; stamps are the pieces' numbers. */
function readPieces(pieces: readonly Buffer[], isClosed = false): Read {
  const events: string[] = [];
  const reader = new ReplyReader({
    listener: {
      headers: (_, status) => events.push(`${status}`),
      chunk: (_, kind, tokens) => events.push(`${kind} ${tokens}`),
      texts: (_, count) => events.push(...Array.from({ length: count }, () => "text 1")),
    },
    keepText: true,
    maxOutputTokens: 1_000,
    secrets: [],
  });
  // As on a socket: every read overwrites the bytes of the one before.
  for (const [index, piece] of pieces.entries()) {
    for (let at = 0; at < piece.length; at += readBuffer.length) {
      reader.read(index, readBuffer, piece.copy(readBuffer, 0, at));
      readBuffer.fill(0x7b);
    }
  }
  if (isClosed) reader.close(undefined);
  return { events, ending: reader.ending() };
}

const closingHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

function split(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
}

const someEvents = [
  ": a comment\n\n",
  chatRole,
  chatText("one"),
  chatText('"quoted", \\ and\nschön 漢字 🙂'),
  'event: message\ndata: {\ndata:  "choices": [{"text": "over lines"}]\ndata:}\n\n',
  "id: 7\nretry: 10\n\n",
  data({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } }),
  done,
];

describe("any split of the same bytes gives the same events", () => {
  const lineEnds = ["\n", "\r\n", "\r"];
  const framings: Readonly<Record<string, (events: readonly string[]) => string>> = {
    chunked: (events) => streamHead + events.map(chunkOf).join("") + lastChunk,
    "chunks that know nothing of events": (events) =>
      streamHead + (events.join("").match(/[\s\S]{1,7}/gu) ?? []).map(chunkOf).join("") + lastChunk,
    "known length": (events) =>
      `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${Buffer.byteLength(events.join(""))}\r\n\r\n${events.join("")}`,
    "until the connection ends": (events) => `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${events.join("")}`,
    "after 100-continue": (events) => `HTTP/1.1 100 Continue\r\n\r\n${streamHead}${events.map(chunkOf).join("")}0\r\nx-trailer: 1\r\n\r\n`,
  };
  const expected: Read = {
    events: ["200", "role 0", "text 1", "text 1", "text 1", "usage 0", "done 0"],
    ending: {
      outcome: { kind: "completed" },
      status: 200,
      promptTokens: 3,
      outputTokens: 4,
      outputTokensSource: "usage",
      text: 'one"quoted", \\ and\nschön 漢字 🙂over lines',
    },
  };
  for (const [name, framed] of Object.entries(framings)) {
    for (const lineEnd of lineEnds) {
      test(`${name}, lines ending with ${JSON.stringify(lineEnd)}`, () => {
        const bytes = Buffer.from(framed(someEvents.map((event) => event.replaceAll("\n", lineEnd))));
        const isClosed = name === "until the connection ends";
        expect(readPieces([bytes], isClosed)).toEqual(expected);
        expect(readPieces(split(bytes, [...bytes.keys()]), isClosed)).toEqual(expected);
        fc.assert(
          fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
            expect(readPieces(split(bytes, cuts), isClosed)).toEqual(expected);
          }),
          { numRuns: 100 },
        );
      });
    }
  }
});

test("any split gives the same tokens of the events, and the same ending, whatever usage and finish they tell", () => {
  const running = (tokens: number) =>
    data({ choices: [{ index: 0, delta: { content: "a" }, finish_reason: null }], usage: { completion_tokens: tokens } });
  const finish = (reason: string) => data({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
  const counted = (tokens: number) => data({ choices: [], usage: { completion_tokens: tokens } });
  const events = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(chatText("a")) },
      fc.constantFrom(finish("stop"), finish("abort"), data({ detail: "m" }), data({ error: "" }), chatText(""), done),
      fc.constantFrom(0, 3, 17, 2_147_483_647).map(running),
      fc.constantFrom(0, 3, 17, 2_147_483_647).map(counted),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(events, fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), (texts, cuts, isChunked) => {
      const body = isChunked ? texts.map(chunkOf).join("") + lastChunk : texts.join("");
      const bytes = Buffer.from((isChunked ? streamHead : "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n") + body);
      expect(readPieces(split(bytes, cuts), true)).toEqual(readPieces([bytes], true));
    }),
    { numRuns: 1_000 },
  );
});

test("no bytes whatever make it fail in another way than by an outcome", () => {
  const pieces = fc.array(
    fc.oneof(
      fc
        .constantFrom(
          ...someEvents,
          ...someEvents.map(chunkOf),
          streamHead,
          "0\r\n",
          "\r\n",
          "data:",
          "HTTP/1.1 100 a\r\n\r\n",
          "ffffffffffffff\r\n",
        )
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(pieces, fc.boolean(), (rest, hasHead) => {
      const { ending } = readPieces(hasHead ? [Buffer.from(streamHead), ...rest] : rest, true);
      expect(["completed", "failed"]).toContain(ending.outcome.kind);
    }),
    { numRuns: 500 },
  );
});

test("an event that looks like the one before is told as if it were the first", () => {
  const content = fc.oneof(fc.constantFrom("", '"', "\\", '\\"', '","x":"', null), fc.string({ unit: "binary", maxLength: 4 }));
  const event = fc.record({
    content,
    finish: fc.constantFrom(null, null, "stop"),
    role: fc.constantFrom(undefined, undefined, "assistant"),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), (events) => {
      const written = events.map(({ content, finish, role }) => data({ choices: [{ delta: { role, content }, finish_reason: finish }] }));
      const alone = written.map((text) => readPieces([Buffer.from(streamHead + chunkOf(text))]).events[1]);
      const together = readPieces([Buffer.from(streamHead), ...written.map((text) => Buffer.from(chunkOf(text)))]);
      expect(together.events).toEqual(["200", ...alone]);
      expect(together.ending.text).toBe(events.map(({ content }) => content ?? "").join(""));
    }),
    { numRuns: 1_000 },
  );
});

test("a chunk that looks like the event before is one only where an event may start", () => {
  const parts = fc.array(fc.constantFrom(chatText("one"), chatText("two"), ": ", "data: ", "event: error\n", "\n", "\r", "\r\n"), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(parts, (texts) => {
      const start = chatText("a") + chatText("b") + chatText("c");
      const inOne = readPieces([Buffer.from(streamHead + chunkOf(start + texts.join("")) + lastChunk)]);
      const inMany = readPieces([Buffer.from(streamHead + chunkOf(start) + texts.map(chunkOf).join("") + lastChunk)]);
      expect(inMany).toEqual(inOne);
      const inTwo = readPieces([Buffer.from(streamHead + [start, texts.join("")].filter(Boolean).map(chunkOf).join("") + lastChunk)]);
      expect(inTwo).toEqual(inOne);
    }),
    { numRuns: 1_000 },
  );
});

test("reasoning and tool calls are kept beside the text, which has what was escaped", () => {
  const delta = (of: object) => data({ choices: [{ index: 0, delta: of, finish_reason: null }] });
  const call = (of: object) => delta({ tool_calls: [{ index: 0, function: of }] });
  const events = [
    delta({ reasoning_content: "let me" }),
    delta({ reasoning: " think", reasoning_details: [{ type: "reasoning.text", text: " think" }] }),
    delta({ content: "", reasoning_details: [{ type: "reasoning.text", text: " hard" }] }),
    delta({ reasoning_content: "", reasoning_text: " and" }),
    delta({ thinking: " long" }),
    ...["a", " \n", ' "b"', " \\", " 漢🙂", " c"].map(chatText),
    call({ name: "weather", arguments: "" }),
    call({ arguments: '{"in":"Bern"}' }),
    done,
  ];
  for (const bodies of [[events.join("")], events]) {
    const { ending } = readPieces([Buffer.from(streamHead + bodies.map(chunkOf).join("") + lastChunk)]);
    expect(ending).toMatchObject({ text: 'a \n "b" \\ 漢🙂 c', aside: 'let me think hard and longweather{"in":"Bern"}', outputTokens: 13 });
  }
});

test("a reply that is no stream has no text", () => {
  const bytes = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
  expect(readPieces([Buffer.from(bytes)]).ending).toEqual({ outcome: failed("http-status", "HTTP 500"), status: 500 });
});

test("content in parts is text, and what was thought in them is kept beside it", () => {
  const parts = (...content: readonly object[]) => data({ choices: [{ delta: { content } }] });
  const text = (words: string) => ({ type: "text", text: words });
  const events = [
    parts({ type: "thinking", thinking: [text("let"), text(" me")] }),
    ...["a", ' "b"', " c", " d"].map((words) => parts(text(words))),
    ...[" f", " g", " h", " i"].map((words) => parts(text(" e"), text(words))),
    done,
  ];
  for (const bodies of [[events.join("")], events]) {
    const { ending } = readPieces([Buffer.from(streamHead + bodies.map(chunkOf).join("") + lastChunk)]);
    expect(ending).toMatchObject({ outcome: { kind: "completed" }, text: 'a "b" c d e f e g e h e i', aside: "let me", outputTokens: 9 });
  }
});

test("a text that is wrongly escaped has no words, be its event like the one before or not", () => {
  const events = [chatText("a"), chatText("b"), chatText("c"), chatText("W").replace("W", String.raw`\B`), done];
  const bytes = Buffer.from(streamHead + events.map(chunkOf).join("") + lastChunk);
  const inMany = readPieces(split(bytes, [...bytes.keys()]));
  expect(inMany.ending).toMatchObject({ text: "abc", outputTokens: 4 });
  expect(readPieces([bytes])).toEqual(inMany);
});

test("words between events that are alike, without blank lines around them, are told where they stand, wherever the reads are cut", () => {
  const bytes = Buffer.from(
    `${closingHead}${["a", "b", "c"].map(chatText).join("").trimEnd()}\nstill at work\n${["d", "e"].map(chatText).join("")}${done}`,
  );
  const whole = readPieces([bytes], true);
  expect(whole.events.join(" ")).toBe("200 text 1 text 1 text 1 empty 0 text 1 text 1 done 0");
  expect(whole.ending.outcome).toEqual({ kind: "completed" });
  for (let cut = 1; cut < bytes.length; cut++) expect(readPieces([bytes.subarray(0, cut), bytes.subarray(cut)], true)).toEqual(whole);
});

/** How many events are read by themselves, and how many are recognised. */
function countedEvents() {
  const told = { alone: 0, together: 0 };
  const listener = {
    headers: () => {},
    chunk: () => void told.alone++,
    texts: (_: number, events: number) => void (told.together += events),
  };
  return { told, listener };
}

test("events are recognised to the end of a reply, however often the time in them changes", () => {
  const seconds = 200;
  const second = (created: number) => data({ created, choices: [{ index: 0, delta: { content: "a" }, finish_reason: null }] }).repeat(40);
  const { told, listener } = countedEvents();
  const reader = new ReplyReader({ listener, keepText: false, maxOutputTokens: 10_000, secrets: [] });
  reader.read(0, readBuffer, Buffer.from(closingHead).copy(readBuffer));
  for (let at = 0; at < seconds; at++) reader.read(at, readBuffer, Buffer.from(second(at)).copy(readBuffer));
  expect(told).toEqual({ alone: seconds + 1, together: 39 * seconds - 1 });
});

test.each([
  ["data: ", "\n"],
  ["data:", "\n"],
  ["data: ", "\r\n"],
  ["data:", "\r\n"],
])("events are recognised after %j, with lines that end with %j", (name, lineEnd) => {
  const event = (text: string) => chatText(text).replace("data: ", name).replaceAll("\n", lineEnd);
  const bytes = [closingHead, "a", "b", ...Array(100).fill("c")].map((text, at) => (at === 0 ? text : event(text)));
  for (const pieces of [bytes, [bytes.join("")]]) {
    const { told, listener } = countedEvents();
    const reader = new ReplyReader({ listener, keepText: true, maxOutputTokens: 1_000, secrets: [] });
    for (const piece of pieces) reader.read(0, readBuffer, Buffer.from(piece).copy(readBuffer));
    expect(told).toEqual({ alone: 2, together: 100 });
    expect(reader.ending().text).toBe(`ab${"c".repeat(100)}`);
  }
});

test("what is generated beside a text, or in another choice, is kept of every event, however alike they are", () => {
  const read = (events: readonly object[]) => readPieces([Buffer.from(closingHead + events.map(data).join("") + done)], true).ending;
  const each = ["a", "b", "c", "d"];
  const both = each.map((text) => ({ choices: [{ delta: { content: text, reasoning_content: "R" } }] }));
  expect(read(both)).toMatchObject({ text: "abcd", aside: "RRRR" });
  const called = each.map((text) => ({ choices: [{ delta: { tool_calls: [{ function: { arguments: "T" } }], content: text } }] }));
  expect(read(called)).toMatchObject({ text: "abcd", aside: "TTTT" });
  const second = each.map((text) => ({ choices: [{ text: "" }, { text }] }));
  expect(read([{ choices: [{ text: "o" }] }, { choices: [{ text: "n" }] }, ...second])).toMatchObject({ text: "on" });
});

test("a JSON document that begins with white space is one, wherever the reads are cut", () => {
  const bytes = Buffer.from(`${closingHead}\n\x19 {"error":{"message":"out of memory"}}`);
  const whole = readPieces([bytes], true);
  expect(whole.ending.outcome).toEqual(failed("error-event", "out of memory"));
  for (let cut = 1; cut < bytes.length; cut++) expect(readPieces([bytes.subarray(0, cut), bytes.subarray(cut)], true)).toEqual(whole);
});

test("usage without cached tokens says nothing of them, or that there were none where the engine leaves out zeros", () => {
  const usage = data({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: null } });
  const read = (leavesOutZeros: boolean, events: readonly string[]) => {
    const bytes = Buffer.from(streamHead + events.map(chunkOf).join("") + lastChunk);
    const listener = { headers: () => {}, chunk: () => {}, texts: () => {} };
    const reader = new ReplyReader({ listener, keepText: false, maxOutputTokens: 1, secrets: [], leavesOutZeros });
    reader.read(0, readBuffer, bytes.copy(readBuffer));
    return reader.ending().cachedTokens;
  };
  expect(read(false, [chatText("one"), usage, done])).toBeUndefined();
  expect(read(true, [chatText("one"), usage, done])).toBe(0);
  expect(read(true, [chatText("one"), done])).toBeUndefined();
});

describe("streams recorded from engines", () => {
  const recorded = (name: string) => readFileSync(new URL(`recorded/${name}.txt`, import.meta.url), "utf8");
  const read = (name: string) => readPieces([Buffer.from(streamHead + chunkOf(recorded(name)) + lastChunk)]);
  const sixTokens = { status: 200, outputTokens: 6, outputTokensSource: "usage", outcome: { kind: "completed" } };

  test("chat: a role, six tokens, usage", () => {
    const { events, ending } = read("sse-chat-usage-only");
    expect(events).toEqual(["200", "role 0", ...Array.from({ length: 6 }, () => "text 1"), "usage 0", "done 0"]);
    expect(ending).toEqual({ ...sixTokens, promptTokens: 503, cachedTokens: 384, text: "fter".repeat(6) });
  });

  test("chat with running usage, with and without token ids: the same", () => {
    for (const name of ["sse-chat-warm", "sse-chat-token-ids"]) expect(read(name)).toEqual(read("sse-chat-usage-only"));
  });

  test("completions with running usage", () => {
    const { events, ending } = read("sse-completions-cold");
    expect(events).toEqual(["200", ...Array.from({ length: 6 }, () => "text 1"), "usage 0", "done 0"]);
    expect(ending).toEqual({ ...sixTokens, promptTokens: 600, cachedTokens: 0, text: " tarfile".repeat(6) });
  });

  test("llama.cpp: a finish without text that carries the usage, and timings of its own", () => {
    const { events, ending } = read("sse-llamaCpp-warm");
    expect(events).toEqual(["200", ...Array.from({ length: 4 }, () => "text 1"), "usage 0", "done 0"]);
    expect(ending).toEqual({ ...sixTokens, outputTokens: 4, promptTokens: 600, cachedTokens: 599, text: "whnvrrnv" });
  });

  test("an engine that died under a 200", () => {
    const { events, ending } = read("sse-completions-engine-died");
    expect(events).toEqual(["200", "error 0", "done 0"]);
    expect(ending.outcome).toMatchObject({
      kind: "failed",
      code: "error-event",
      message: expect.stringMatching(/^EngineCore encountered/),
    });
  });
});
