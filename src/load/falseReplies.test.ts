import { gzipSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Ending } from "../model/exchange.ts";
import { completed, failed } from "../model/outcome.ts";
import { httpLine } from "./httpLine.ts";
import { chatText, chunkOf, data, done, exchange, lastChunk, plainRequest, streamHead, testServer } from "./testServer.ts";

const a = chatText("a");
const closingHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/** What a reply of these bytes is taken for, of a request for at most `maxOutputTokens`. */
async function replyOf(bytes: string | Buffer, maxOutputTokens = 64): Promise<Ending> {
  await using server = await testServer((socket) => socket.end(bytes));
  const line = httpLine({
    url: server.url,
    wire: { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
    servedModel: "m",
    clock: realClock(),
  });
  const { ended } = await exchange(line, plainRequest({ maxOutputTokens }));
  line.close();
  return ended.ending;
}

function stream(...events: readonly string[]): string {
  return streamHead + events.map(chunkOf).join("") + lastChunk;
}

function finish(reason: string, more: object = {}): string {
  return data({ choices: [{ index: 0, delta: {}, finish_reason: reason, ...more }] });
}

function usage(tokens: number): string {
  return data({ choices: [], usage: { prompt_tokens: 9, completion_tokens: tokens } });
}

function running(text: string, tokens: number): string {
  return data({ choices: [{ delta: { content: text }, finish_reason: null }], usage: { completion_tokens: tokens } });
}

describe("a reply whose engine gave up is none, whatever follows:", () => {
  test.each(["abort", "error"])("finish_reason %s", async (reason) => {
    const { outcome } = await replyOf(stream(a, a, finish(reason), usage(2), done));
    expect(outcome).toEqual(failed("aborted", `the engine gave up: finish_reason "${reason}"`));
  });

  test("an error within a choice, with its words", async () => {
    const { outcome } = await replyOf(stream(a, finish("error", { error: { code: 502, message: "upstream died" } }), done));
    expect(outcome).toEqual(failed("error-event", "upstream died"));
  });

  test.each(["stop", "length", "tool_calls", "content_filter", "function_call", "eos_token", "stop_sequence", "repetition", "aborted"])(
    "but finish_reason %s ends one",
    async (reason) => {
      expect((await replyOf(stream(a, finish(reason), done))).outcome).toEqual(completed);
    },
  );
});

describe("a stream that ends with its connection was cut off", () => {
  const cut: readonly [string, string][] = [
    ["where usage came first", usage(0) + a + a + a],
    ["where usage came before many events alike", a + a + a + usage(3) + a + a + a],
    ["where the last event counts a token that made no text", a + running("", 2)],
    ["where the finish reason is an empty word", a + finish("")],
  ];
  test.each(cut)("%s", async (_, body) => {
    expect((await replyOf(closingHead + body)).outcome).toMatchObject({ code: "disconnected" });
  });

  test("but not where usage came last", async () => {
    expect((await replyOf(closingHead + a + usage(1))).outcome).toEqual(completed);
  });
});

test("a refusal in a compressed body is told by its status, not by its bytes", async () => {
  const body = gzipSync('{"error":{"message":"x"}}');
  const head = `HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`;
  const { outcome } = await replyOf(Buffer.concat([Buffer.from(head), body]));
  expect(outcome).toEqual(failed("http-status", "HTTP 500: a body compressed with gzip, which was not asked for"));
});

describe("within a stream", () => {
  const errors: readonly [string, object, string][] = [
    ["FastAPI's detail", { detail: "internal error", status: 500 }, "internal error"],
    ["a message", { message: "no room", code: 500 }, "no room"],
  ];
  test.each(errors)("%s alone is an error", async (_, event, message) => {
    expect((await replyOf(stream(a, data(event), done))).outcome).toEqual(failed("error-event", message));
  });

  const chunks: readonly [string, object][] = [
    ...[null, false, "", 0].map((error): [string, object] => [`an error that is ${JSON.stringify(error)}`, { error }]),
    ["a choice's error that is null", { choices: [{ delta: { content: "a" }, error: null }] }],
    ["a message beside a choice", { message: "ok" }],
  ];
  test.each(chunks)("%s is none", async (_, more) => {
    const chunk = data({ choices: [{ delta: { content: "a" } }], ...more });
    expect(await replyOf(stream(chunk, chunk, done))).toMatchObject({ outcome: completed, outputTokens: 2 });
  });

  test("an event that says what it is, and something to read, is none", async () => {
    expect((await replyOf(stream(a, data({ type: "ping", message: "still here" }), done))).outcome).toEqual(completed);
  });
});
