import { gzipSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Ending } from "../model/exchange.ts";
import { completed, failed } from "../model/outcome.ts";
import { httpLine } from "./httpLine.ts";
import { chatText, chunkOf, data, done, exchange, lastChunk, plainRequest, streamHead, testServer } from "./testServer.ts";

const a = chatText("a");
const closingHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

interface Reply extends Ending {
  /** Of each event with text, in order. */
  readonly weights: readonly number[];
}

/** What a reply of these bytes is taken for, of a request for at most `maxOutputTokens`. */
async function replyOf(bytes: string | Buffer, maxOutputTokens = 64): Promise<Reply> {
  await using server = await testServer((socket) => socket.end(bytes));
  const line = httpLine({
    url: server.url,
    wire: { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
    servedModel: "m",
    clock: realClock(),
  });
  const { chunks, ended } = await exchange(line, plainRequest({ maxOutputTokens }));
  line.close();
  return { ...ended.ending, weights: chunks.filter(({ kind }) => kind === "text").map(({ tokens }) => tokens) };
}

function stream(...events: readonly string[]): string {
  return streamHead + events.map(chunkOf).join("") + lastChunk;
}

function finish(reason: string | object, more: object = {}): string {
  return data({ choices: [{ index: 0, delta: {}, finish_reason: reason, ...more }] });
}

function usage(tokens: number): string {
  return data({ choices: [], usage: { prompt_tokens: 9, completion_tokens: tokens } });
}

/** Of a usage as some servers write it. */
function usageOf(tokens: string): string {
  return `data: {"choices":[],"usage":{"completion_tokens":${tokens},"prompt_tokens":9}}\n\n`;
}

function running(text: string, tokens: number): string {
  return data({ choices: [{ delta: { content: text }, finish_reason: null }], usage: { completion_tokens: tokens } });
}

describe("a reply whose engine gave up is none, whatever follows:", () => {
  const givenUp = ["abort", "aborted", "cancelled", "canceled", "timeout", "time_limit", "network_error", "insufficient_system_resource"];
  test.each([...givenUp, "error", "ERROR", "TIMEOUT"])("finish_reason %s", async (reason) => {
    const { outcome } = await replyOf(stream(a, a, finish(reason), usage(2), done));
    expect(outcome).toEqual(failed("aborted", `the engine gave up: finish_reason "${reason}"`));
  });

  test.each([...givenUp, "ERROR"])("a finish_reason that is an object of type %s", async (type) => {
    const { outcome } = await replyOf(stream(a, finish({ message: "boom", type, status_code: 500 }), usage(1), done));
    expect(outcome).toEqual(failed("aborted", `the engine gave up: finish_reason "${type}"`));
  });

  test("an error within a choice, with its words", async () => {
    const { outcome } = await replyOf(stream(a, finish("error", { error: { code: 502, message: "upstream died" } }), done));
    expect(outcome).toEqual(failed("error-event", "upstream died"));
  });

  test.each([
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "function_call",
    "eos_token",
    "stop_sequence",
    "repetition",
    "aborted_never",
  ])("but finish_reason %s ends one", async (reason) => {
    expect((await replyOf(stream(a, finish(reason), done))).outcome).toEqual(completed);
  });

  test.each([{ type: "stop", matched: 2 }, { type: "length", length: 64 }, { matched: { type: "abort" } }, { type: null }])(
    "but finish_reason %j ends one, also without [DONE]",
    async (reason) => {
      for (const end of [done, ""]) expect((await replyOf(stream(a, finish(reason), end))).outcome).toEqual(completed);
    },
  );

  test.each([{}, "", "null", "NONE"])("a finish_reason of nothing, as %j, ends none", async (nothing) => {
    expect((await replyOf(stream(a, finish(nothing)))).outcome).toMatchObject({ code: "disconnected" });
    expect((await replyOf(stream(a, finish(nothing), "Internal Server Error\n", done))).outcome).toMatchObject({ code: "error-event" });
    expect((await replyOf(stream(a, finish(nothing), finish("stop")))).outcome).toEqual(completed);
  });
});

describe("a stream that ends with its connection was cut off", () => {
  const cut: readonly [string, string][] = [
    ["where usage came first", usage(0) + a + a + a],
    ["where usage came before many events alike", a + a + a + usage(3) + a + a + a],
    ["where the last event counts a token that made no text", a + running("", 2)],
    ["where the finish reason is an empty word", a + finish("")],
    ["where usage told more than there can be", usage(2_147_483_647) + a],
    ["where each event told all that were asked for", running("a", 64).repeat(3)],
  ];
  test.each(cut)("%s", async (_, body) => {
    expect((await replyOf(closingHead + body)).outcome).toMatchObject({ code: "disconnected" });
  });

  test.each([
    ["text", a + a, a.slice(0, -20), 2],
    ["usage", a + finish("stop"), usage(1).slice(0, -15), 1],
    ["the mark of its end", a + finish("stop"), "data: [DO", 1],
  ])("within an event, of %s, and no server is told to have written what is not JSON", async (_, before, half, tokens) => {
    const words = half.slice("data: ".length);
    const ended = failed("disconnected", `the stream ended within an event, after ${tokens} events with tokens: ${words}`);
    expect((await replyOf(closingHead + before + half)).outcome).toEqual(ended);
    expect((await replyOf(stream(before, half))).outcome).toEqual(ended);
  });

  test("but last words that are not the beginning of an event are shown", async () => {
    const { outcome } = await replyOf(`${closingHead}${a}data: Internal Server Error`);
    expect(outcome).toEqual(failed("bad-response", "an event that is not JSON: Internal Server Error"));
    const whole = await replyOf(`${closingHead}${a}data: {"choices":[\n\n`);
    expect(whole.outcome).toEqual(failed("bad-response", 'an event that is not JSON: {"choices":['));
  });

  test("but not where usage came last", async () => {
    expect((await replyOf(closingHead + a + usage(1))).outcome).toEqual(completed);
  });
});

describe("output tokens that no such reply can have are not believed, but kept beside what its events tell:", () => {
  const impossible: readonly [string, string, number, number][] = [
    ["0 of a reply with text", a.repeat(8) + usage(0), 8, 0],
    ["1 of many events", a.repeat(20) + usage(1), 20, 1],
    ["as many as a number can be", a.repeat(8) + usage(2_147_483_647), 8, 2_147_483_647],
    ["more than were asked for, and many for each event", a.repeat(8) + usage(129), 8, 129],
    ["more than a number of the journal can be", a.repeat(8) + usage(3_000_000_000), 8, 3_000_000_000],
    ["fewer than none", a.repeat(8) + usage(-5), 8, -5],
    ["the tokens of each event alone", running("a", 1).repeat(10), 10, 1],
    ["none up to each event", running("a", 0).repeat(10), 10, 0],
    ["half a token", a.repeat(8) + usageOf("7.5"), 8, 7.5],
  ];
  test.each(impossible)("%s", async (_, body, events, told) => {
    const reply = await replyOf(stream(body, done));
    expect(reply).toMatchObject({ outcome: completed, outputTokens: events, outputTokensSource: "events", impossibleTokens: told });
  });

  const possible: readonly [string, string, number][] = [
    ["eight in each event", a.repeat(8) + usage(64), 64],
    ["all in one event", a + usage(64), 64],
    ["more than were asked for, as the events have them", a.repeat(70) + usage(70), 70],
    ["a few events for each", a.repeat(12) + usage(3), 3],
    ["of events without any text", chatText("").repeat(3) + usage(3), 3],
    ["a whole number with a point", a.repeat(8) + usageOf("10.0"), 10],
    ["a whole number with an exponent", a.repeat(8) + usageOf("1e1 "), 10],
  ];
  test.each(possible)("but %s are", async (_, body, told) => {
    const reply = await replyOf(stream(body, done));
    expect(reply).toMatchObject({ outcome: completed, outputTokens: told, outputTokensSource: "usage" });
    expect(reply.impossibleTokens).toBeUndefined();
  });
});

test("a reply whose events have a usage each, and none of them text, has the tokens that it tells", async () => {
  const reply = await replyOf(stream(running("", 1), running("", 2), done));
  expect(reply).toMatchObject({ outcome: completed, outputTokens: 2, outputTokensSource: "usage" });
});

test("events without any text are events: of two, more tokens than were asked for may be", async () => {
  const reply = await replyOf(stream(a, chatText(""), usage(20), done), 2);
  expect(reply).toMatchObject({ outputTokens: 20, outputTokensSource: "usage" });
});

test("a usage within the stream that stands still no more often than it grows counts the tokens, be they fewer than the events", async () => {
  const reply = await replyOf(stream(...[1, 1, 2, 2].map((tokens) => running("a", tokens)), done));
  expect(reply).toMatchObject({ outputTokens: 2, outputTokensSource: "usage" });
});

test("a prompt of fewer than no tokens, or of more than the journal can hold, has none that are known, but those that were told before", async () => {
  for (const impossible of [-4, 3_000_000_000]) {
    const told = data({ choices: [], usage: { completion_tokens: 1, prompt_tokens: impossible } });
    expect((await replyOf(stream(a, told, done))).promptTokens).toBeUndefined();
    expect((await replyOf(stream(usage(0), a, told, done))).promptTokens).toBe(9);
  }
});

test("more cached tokens than the prompt has are taken for untold, but kept", async () => {
  const told = (cached: number) => ({ prompt_tokens: 100, completion_tokens: 1, prompt_tokens_details: { cached_tokens: cached } });
  const reply = async (cached: number) => replyOf(stream(a, data({ choices: [], usage: told(cached) }), done));
  for (const cached of [101, 556, -1]) {
    expect(await reply(cached)).toMatchObject({ promptTokens: 100, cachedTokens: undefined, impossibleCachedTokens: cached });
  }
  for (const cached of [0, 100]) expect(await reply(cached)).toMatchObject({ cachedTokens: cached, impossibleCachedTokens: undefined });
});

describe("the events' tokens add up to those of a usage", () => {
  const counts: readonly [string, string, readonly number[]][] = [
    ["that comes with each", running("a", 1) + running("a", 4) + running("a", 5), [1, 3, 1]],
    ["that comes with every fourth", a + a + a + running("a", 4) + a + a + a + running("a", 11), [1, 1, 1, 1, 1, 1, 1, 4]],
    ["that counts back", [1, 2, 3, 2, 1, 4, 5, 8].map((tokens) => running("a", tokens)).join(""), [1, 1, 1, 1, 1, 1, 1, 1]],
    ["that has a token's text come in two events", [1, 1, 4, 7].map((tokens) => running("a", tokens)).join(""), [1, 1, 2, 3]],
    ["that leaps beyond what was asked for", running("a", 1) + running("a", 2_000_000) + running("a", 3), [1, 1, 1]],
  ];
  test.each(counts)("%s", async (_, body, weights) => {
    expect((await replyOf(stream(body, done))).weights).toEqual(weights);
    expect((await replyOf(streamHead + chunkOf(body + done) + lastChunk)).weights).toEqual(weights);
  });
});

describe("a usage within the stream that does not grow leaves each event its token:", () => {
  const standing: readonly [string, readonly number[], number, readonly number[]][] = [
    ["it stays at 0 until the last", [0, 0, 0, 0], 4, [1, 1, 1, 1]],
    ["it is of each event alone", [1, 1, 1, 1], 4, [1, 1, 1, 1]],
    ["it is of what is planned", [4, 4, 4, 4], 4, [4, 1, 1, 1]],
  ];
  test.each(standing)("%s", async (_, upTo, all, weights) => {
    const reply = await replyOf(stream(...upTo.map((tokens) => running("a", tokens)), usage(all), done));
    expect(reply).toMatchObject({ weights, outputTokens: all, outputTokensSource: "usage" });
  });
});

describe("no stream, whatever its type says:", () => {
  test("a page that begins with an empty line has a title", async () => {
    const page = "\n  <html><title>Bad gateway</title></html>";
    const { outcome } = await replyOf(`${closingHead}${page}`);
    expect(outcome).toEqual(failed("bad-response", "a page instead of text/event-stream: Bad gateway"));
  });

  test.each([
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204 with nothing in its body"],
    ["an empty body", `${streamHead}${lastChunk}`, "HTTP 200 with nothing in its body"],
    ["an empty line", `${streamHead}${chunkOf("\n")}${lastChunk}`, "HTTP 200 with nothing in its body"],
  ])("%s", async (_, bytes, message) => {
    expect((await replyOf(bytes)).outcome).toEqual(failed("bad-response", message));
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
    ["FastAPI's detail of a wrong request", { detail: [{ loc: ["body"], msg: "field required" }] }, "field required"],
    ["a message", { message: "no room", code: 500 }, "no room"],
    ["a message whose type is an error's, as OpenAI's inner object", { message: "boom", type: "upstream_error", code: 500 }, "boom"],
    ["Groq's own field", { id: "x", choices: [], x_groq: { id: "r", error: "overloaded" } }, "overloaded"],
  ];
  test.each(errors)("%s alone is an error", async (_, event, message) => {
    expect((await replyOf(stream(a, data(event), done))).outcome).toEqual(failed("error-event", message));
  });

  const chunks: readonly [string, object][] = [
    ...[null, false, "", 0, {}, []].map((error): [string, object] => [`an error that is ${JSON.stringify(error)}`, { error }]),
    ["Groq's own field without one", { x_groq: { id: "r", error: null } }],
    ["a choice's error that is null", { choices: [{ delta: { content: "a" }, error: null }] }],
    ["a message beside a choice", { message: "ok" }],
  ];
  test.each(chunks)("%s is none", async (_, more) => {
    const chunk = data({ choices: [{ delta: { content: "a" } }], ...more });
    expect(await replyOf(stream(chunk, chunk, done))).toMatchObject({ outcome: completed, outputTokens: 2 });
  });

  const lastWords: readonly [string, object, string][] = [
    ["FastAPI's detail that is an object", { detail: { error: "boom" } }, "boom"],
    ["a list of errors", { errors: [{ message: "boom" }] }, '{"errors":[{"message":"boom"}]}'],
    ["a code and a message of a gateway", { error_code: 336, error_msg: "boom" }, '{"error_code":336,"error_msg":"boom"}'],
    ["a request's id and what became of it", { id: "x", detail: "boom" }, "boom"],
    ["no success", { success: false }, '{"success":false}'],
  ];
  test.each(lastWords)("%s, where a stream ends with it, is why it ended", async (_, event, message) => {
    const ended = failed("error-event", `it ended with: ${message}`);
    expect((await replyOf(stream(a, a, data(event), done))).outcome).toEqual(ended);
    expect((await replyOf(stream(a, a, data(event)))).outcome).toEqual(ended);
    expect((await replyOf(stream(data(event), done))).outcome).toEqual(ended);
    expect((await replyOf(stream(a, a, data(event), data({ choices: [] }), usage(2), done))).outcome).toEqual(ended);
  });

  test.each(lastWords)("%s, where the connection broke after it, is none: that is why it ended", async (_, event) => {
    expect((await replyOf(streamHead + chunkOf(a + data(event)))).outcome).toMatchObject({ code: "disconnected" });
  });

  test.each(lastWords)("%s is none where the reply is whole all the same, or goes on", async (_, event) => {
    for (const whole of [
      stream(a, finish("stop"), data(event), done),
      stream(a, data(event), a, usage(2), done),
      stream(data(event), a, done),
    ]) {
      expect((await replyOf(whole)).outcome).toEqual(completed);
    }
    expect((await replyOf(stream(a, a, data(event), done), 2)).outcome).toEqual(completed);
  });

  test("a stream that ends with words that are empty is told by all that it ended with", async () => {
    for (const event of [{ message: "" }, { error: "", code: 17 }]) {
      expect((await replyOf(stream(a, data(event), done))).outcome).toEqual(
        failed("error-event", `it ended with: ${JSON.stringify(event)}`),
      );
    }
  });

  test("a field whose name is error is one, with its words, before the first token and after", async () => {
    const boom = 'error: {"code":500,"message":"boom"}\n\n';
    for (const before of [[], [a, a]]) {
      expect((await replyOf(stream(...before, boom, done))).outcome).toEqual(failed("error-event", "boom"));
    }
    const busy = 'error: {"choices":[],"why":"busy"}\n\n';
    expect((await replyOf(stream(a, busy, a, done))).outcome).toEqual(failed("error-event", '{"choices":[],"why":"busy"}'));
  });

  test("a line of bare JSON that has an error is one, and another that a stream ends with is why it ended", async () => {
    const boom = '{"error":{"message":"boom"}}\n\n';
    for (const events of [
      [a, boom],
      [a, boom, done],
      [a, boom.trim()],
      [a, boom.trimEnd(), "\n", done],
      [a.trimEnd(), "\n", boom, done],
      [a, "event: error\n", boom],
    ]) {
      expect((await replyOf(stream(...events))).outcome).toEqual(failed("error-event", "boom"));
    }
    expect((await replyOf(stream(a, a.trimEnd(), "\n", boom))).outputTokens).toBe(2);
    const words = '{"status":"failed"}\n\n';
    expect((await replyOf(stream(a, words, done))).outcome).toEqual(failed("error-event", 'it ended with: {"status":"failed"}'));
    expect((await replyOf(stream(a, words, a, finish("stop"), done))).outcome).toEqual(completed);
  });

  test.each([
    ["a comment", "event: error\n: engine died\n\n", "engine died"],
    ["nothing", "event: error\n\n", "an error event that says nothing"],
    ["data of nothing", "event: error\r\ndata:\r\n\r\n", "an error event that says nothing"],
    ["a comment and data", 'event:error\n:HTTP_STATUS/400\ndata:{"code":"X","message":"boom"}\n\n', "boom"],
  ])("an event called error that has %s is one, be the stream whole after it", async (_, event, message) => {
    for (const events of [
      [event, done],
      [a, a, event, done],
      [a, finish("stop"), event, usage(1), done],
      [a, event],
      [a, event.trimEnd()],
    ]) {
      expect((await replyOf(stream(...events))).outcome).toEqual(failed("error-event", message));
    }
    expect((await replyOf(stream(a, ": engine died\n\n", a, done))).outcome).toEqual(completed);
  });

  test("a line of bare [DONE] is the end, with blank lines around it or without", async () => {
    for (const events of [
      [a, a, "[DONE]\n\n"],
      [a, a, "[DONE]"],
      [a, a.trimEnd(), "\n[DONE]\r\n"],
    ]) {
      expect(await replyOf(stream(...events))).toMatchObject({ outcome: completed, weights: [1, 1] });
    }
    expect((await replyOf(stream(a, "[DONE] or not\n"))).outcome).toEqual(failed("error-event", "it ended with: [DONE] or not"));
  });

  const bareWords: readonly [string, string][] = [
    ["Internal Server Error\n\n", "Internal Server Error"],
    ["Internal Server Error\r\n\r\n", "Internal Server Error"],
    ["overloaded\n", "overloaded"],
    ["RuntimeError: CUDA error\n\n", "RuntimeError: CUDA error"],
    ["Error: no room\n", "Error: no room"],
    ["upstream connect error: timeout\n\n", "upstream connect error: timeout"],
    ["502\nBad Gateway\n", "502 Bad Gateway"],
  ];
  test.each(bareWords)("a line that is no field, %j, where a stream ends with it, is why it ended", async (words, said) => {
    const ended = failed("error-event", `it ended with: ${said}`);
    for (const events of [
      [a, a, words, done],
      [a, a, words],
      [a, a.trimEnd(), "\n", words, done],
      [a, words, usage(1), done],
      [words, done],
      [a, words.trim()],
    ]) {
      expect((await replyOf(stream(...events))).outcome).toEqual(ended);
    }
    expect((await replyOf(stream(a, "event: error\n", words, done))).outcome).toEqual(failed("error-event", said));
  });

  test.each(bareWords)("a line that is no field, %j, is none where the reply is whole all the same, or goes on", async (words) => {
    for (const events of [
      [a, finish("stop"), words, done],
      [a, words, a, done],
      [a, `${words}\n`, a, finish("stop"), done],
    ]) {
      expect((await replyOf(stream(...events))).outcome).toEqual(completed);
    }
    expect((await replyOf(stream(a, a, words, done), 2)).outcome).toEqual(completed);
  });

  test.each([": ping", ":", "id", "retry", "event", "id: 7", "retry:9", "x-trace: 1", "Errors: 0", "x-error: none", " ", "\t ", "\0"])(
    "the line %j is none, and no word",
    async (line) => {
      for (const end of [`${line}\n\n`, `${line}\n`]) expect((await replyOf(stream(a, end, done))).outcome).toEqual(completed);
    },
  );

  test("a field's name that is cut off is no word: the stream was", async () => {
    for (const half of ["d", "dat", "i", "eve"]) {
      expect((await replyOf(stream(a, half))).outcome).toMatchObject({ code: "disconnected" });
    }
  });

  test("no more is kept of words than the beginning, however long their line or however many", async () => {
    for (const words of ["x".repeat(1_000_000), "word\n".repeat(200_000)]) {
      expect((await replyOf(stream(a, words))).outcome).toMatchObject({ code: "error-event" });
    }
  });

  test.each(["2024-01-30 10:11:12.345678", "{ }", '{"at":1}', "", "pong"])(
    "an event called ping says nothing, be it with data %j",
    async (data) => {
      for (const name of ["ping", "heartbeat", "keepalive", "keep-alive"]) {
        const ping = `event: ${name}\r\ndata: ${data}\r\n\r\n`;
        for (const events of [
          [ping, a, a, done],
          [a, ping, a, done],
          [a, a, ping, done],
        ]) {
          expect(await replyOf(stream(...events))).toMatchObject({ outcome: completed, weights: [1, 1] });
        }
      }
      const other = await replyOf(stream(a, `event: pinged\ndata: pong\n\n`, done));
      expect(other.outcome).toEqual(failed("bad-response", "an event that is not JSON: pong"));
    },
  );

  test("nothing, or a usage of nothing, is none", async () => {
    for (const event of [{}, { usage: null }]) expect((await replyOf(stream(a, data(event), done))).outcome).toEqual(completed);
  });

  test("an event that says what it is, and something to read, is none", async () => {
    expect((await replyOf(stream(a, data({ type: "ping", message: "still here" }), done))).outcome).toEqual(completed);
  });
});
