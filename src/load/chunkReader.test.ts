import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ChunkReader, type EventKind } from "./chunkReader.ts";

const reader = new ChunkReader();

function kindOf(event: string): EventKind {
  const bytes = Buffer.from(`"},]${event}"}]`);
  return reader.read(bytes, 4, bytes.length - 3);
}

describe("one event", () => {
  const events: readonly [string, EventKind, string][] = [
    ["text of chat", "text", '{"choices":[{"delta":{"content":"a"}}]}'],
    ["text of completions", "text", '{"choices":[{"text":" "}]}'],
    ["text with a role, as some first events have it", "text", '{"choices":[{"delta":{"role":"assistant","content":"Hi"}}]}'],
    ["text that is one quote", "text", '{"choices":[{"delta":{"content":"\\""}}]}'],
    ["text that looks like JSON", "text", '{"choices":[{"text":"\\\\\\",\\"error\\":{}"}]}'],
    [
      "text with odd white space and order",
      "text",
      ' {\n"usage" : null , "choices"\t:[ { "finish_reason":null,\r"delta" : { "content" : "a" } } ] } ',
    ],
    ["text with usage", "text", '{"usage":{"completion_tokens":1},"choices":[{"text":"a"}]}'],
    ["text in parts", "text", '{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}'],
    ["text in the second part", "text", '{"choices":[{"delta":{"content":[ {"text":""}, 1, {"text":"a","type":"text"} ]}}]}'],
    ["parts without text", "empty", '{"choices":[{"delta":{"content":[{"type":"text","text":""},{"image":{"text":"a"}}]}}]}'],
    ["no parts", "empty", '{"choices":[{"delta":{"content":[ ]}}]}'],
    ["half a part", "malformed", '{"choices":[{"delta":{"content":[{"text":"a"'],
    [
      "reasoning in a part",
      "reasoning",
      '{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}',
    ],
    ["reasoning", "reasoning", '{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}'],
    ["reasoning by its newer name", "reasoning", '{"choices":[{"delta":{"reasoning":"hm"}}]}'],
    ["reasoning as GitHub Copilot calls it", "reasoning", '{"choices":[{"delta":{"content":null,"reasoning_text":"hm"}}]}'],
    ["reasoning called thinking", "reasoning", '{"choices":[{"delta":{"content":"","thinking":"hm"}}]}'],
    ["a signature of thinking", "empty", '{"choices":[{"delta":{"thinking":"","reasoning_opaque":"x","thinking_signature":"x"}}]}'],
    [
      "reasoning in details",
      "reasoning",
      '{"choices":[{"delta":{"role":"assistant","content":"","reasoning_details":[{"type":"reasoning.text","index":0,"text":"hm"}]}}]}',
    ],
    ["a summary of reasoning", "reasoning", '{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.summary","summary":"hm"}]}}]}'],
    ["a signature of reasoning", "empty", '{"choices":[{"delta":{"reasoning_details":[{"text":"","signature":"x"},{"data":"x"}]}}]}'],
    ["no details of reasoning", "role", '{"choices":[{"delta":{"role":"assistant","reasoning_details":null}}]}'],
    ["audio, which nobody asked for", "empty", '{"choices":[{"delta":{"audio":{"id":"a","transcript":"hm","data":"UklG"}}}]}'],
    ["a tool call", "tool", '{"choices":[{"delta":{"content":null,"tool_calls":[{"function":{"arguments":"{"}}]}}]}'],
    ["no tool call", "empty", '{"choices":[{"delta":{"content":null,"tool_calls":[ ]}}]}'],
    ["a role", "role", '{"choices":[{"delta":{"role":"assistant","content":""}}]}'],
    ["a role without content", "role", '{"choices":[{"delta":{"role":"assistant"}}],"usage":{"completion_tokens":0}}'],
    ["empty text", "empty", '{"choices":[{"text":"","finish_reason":"stop"}]}'],
    ["empty choices", "empty", '{"choices":[],"usage":null}'],
    ["usage", "usage", '{"choices":[],"usage":{"prompt_tokens":1}}'],
    ["text elsewhere", "empty", '{"text":"a","delta":{"content":"b"},"choices":[{"logprobs":{"content":[{"text":"x"}]},"delta":{}}]}'],
    ["an error", "error", '{"error":{"message":"m"}}'],
    ["an error as text", "error", '{"error":"m","choices":[{"text":"a"}]}'],
    ["an error as old servers say it", "error", '{"object":"error","message":"m"}'],
    ["an error by its type", "error", '{"type":"upstream_error","message":"m","param":null}'],
    ["an error by its type, in capitals, after its words", "error", '{"message":"m","type":"BadRequestError","code":400}'],
    ["a type that only begins so", "empty", '{"type":"error_free","message":"m"}'],
    ["a type that only quotes it", "empty", String.raw`{"type":"no \"error\"","message":"m"}`],
    ["an object whose type is cut off", "malformed", '{"type":"error'],
    ["no error", "text", '{"error":null,"choices":[{"text":"a"}]}'],
    ["an error of a choice", "error", '{"choices":[{"text":"a","error":{"message":"m"}}]}'],
    ["an error in FastAPI's words", "error", '{"detail":"m"}'],
    ["no error in words", "empty", '{"detail":"","message":{"text":"m"}}'],
    ["an engine that gave up", "aborted", '{"choices":[{"text":"a","finish_reason":"abort"}]}'],
    ["an engine that gave up by another word", "aborted", '{"choices":[{"finish_reason":"error"}]}'],
    ["an engine that gave up, in an object", "aborted", '{"choices":[{"finish_reason":{"message":"m","type":"abort"}}]}'],
    ["a finish reason's object that is cut off", "malformed", '{"choices":[{"finish_reason":{"type":"abort"'],
    ["a finish reason that only begins so", "empty", '{"choices":[{"finish_reason":"abort_never"}]}'],
    ["done", "done", "[DONE]"],
    ["done with white space", "done", " [DONE] "],
    ["an object without anything", "empty", "{}"],
    ["a number", "malformed", "1"],
    ["a list", "malformed", "[1]"],
    ["half an object", "malformed", '{"choices":[{"text":"a"'],
    ["an object and more", "malformed", '{"choices":[]}{}'],
    ["a key without a value", "malformed", '{"choices"}'],
  ];
  test.each(events)("%s", (_, kind, event) => {
    expect(kindOf(event)).toBe(kind);
  });

  test("usage is read wherever its fields stand, and only from numbers", () => {
    kindOf(
      '{"usage":{"prompt_tokens_details":{"created":1,"cached_tokens": 384 },"completion_tokens": 6,"prompt_tokens":503,"total_tokens":509},"choices":[]}',
    );
    expect([reader.promptTokens, reader.cachedTokens, reader.completionTokens]).toEqual([503, 384, 6]);
    kindOf('{"usage":{"prompt_tokens":null,"completion_tokens":"6"}}');
    expect([reader.promptTokens, reader.cachedTokens, reader.completionTokens]).toEqual([undefined, undefined, undefined]);
    kindOf('{"usage":{"prompt_tokens":503.0,"completion_tokens":-6}}');
    expect([reader.promptTokens, reader.cachedTokens, reader.completionTokens]).toEqual([503, undefined, -6]);
  });

  test.each([
    [
      "Moonshot's, in the choice",
      '{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":1336,"completion_tokens":31,"cached_tokens":1280}}]}',
    ],
    [
      "Groq's, in a field of its own",
      '{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":1336,"completion_tokens":31,"prompt_tokens_details":{"cached_tokens":1280}}}}',
    ],
    [
      "DeepSeek's, by its own name",
      '{"choices":[],"usage":{"prompt_tokens":1336,"completion_tokens":31,"prompt_cache_hit_tokens":1280,"prompt_tokens_details":{"cached_tokens":null}}}',
    ],
  ])("usage is read where others put it: %s", (_, event) => {
    expect([kindOf(event), reader.hasUsage]).toEqual(["usage", true]);
    expect([reader.promptTokens, reader.cachedTokens, reader.completionTokens]).toEqual([1336, 1280, 31]);
  });
});

test("says the same as JSON.parse would, for any chunk in any order with any white space", () => {
  const text = fc.oneof(fc.constant(""), fc.constant(null), fc.string({ unit: "binary", maxLength: 8 }));
  const part = fc.record({ type: fc.constant("text"), text, other: fc.jsonValue({ maxDepth: 1 }) }, { requiredKeys: [] });
  const parts = fc.array(fc.oneof(part, fc.nat()), { maxLength: 2 });
  const delta = fc.record(
    { content: fc.oneof(text, parts), reasoning: text, role: fc.constantFrom("assistant", null), other: fc.jsonValue({ maxDepth: 2 }) },
    { requiredKeys: [] },
  );
  const error = fc.constantFrom(null, null, false, "", 0, 0.5, true, "m", { message: "m" });
  const words = fc.constantFrom("", "m", null);
  const choice = fc.record(
    { delta, text, finish_reason: fc.constantFrom("stop", "", "abort", null), logprobs: fc.jsonValue({ maxDepth: 3 }), error },
    { requiredKeys: [] },
  );
  const usage = fc.option(fc.record({ prompt_tokens: fc.nat(), completion_tokens: fc.nat() }, { requiredKeys: [] }));
  const chunk = fc.record(
    {
      id: fc.string(),
      choices: fc.array(choice, { maxLength: 2 }),
      usage,
      type: fc.oneof(fc.string(), fc.constantFrom("error", "upstream_error", "ServerError", "errors", "r", "rror")),
      message: words,
      detail: words,
      error,
      extra: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(chunk, fc.constantFrom(undefined, 1, "\t"), fc.infiniteStream(fc.double()), (value, indent, orders) => {
      const event = JSON.stringify(
        shuffled(value, () => orders.next().value ?? 0),
        undefined,
        indent,
      );
      expect([kindOf(event), reader.completionTokens, reader.isFinished]).toEqual(parsedFacts(JSON.parse(event)));
    }),
    { numRuns: 1_000 },
  );
});

function shuffled(value: unknown, draw: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, draw));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => ({ key, item: shuffled(item, draw), order: draw() }));
  return Object.fromEntries(entries.sort((a, b) => a.order - b.order).map(({ key, item }) => [key, item]));
}

// What the events above say, the slow way.
interface Chunk {
  id?: string;
  type?: string;
  message?: string | null;
  detail?: string | null;
  error?: unknown;
  usage?: { completion_tokens?: number } | null;
  choices?: {
    text?: string | null;
    finish_reason?: string | null;
    error?: unknown;
    delta?: { content?: Content; reasoning?: string | null; role?: string | null };
  }[];
}

type Content = string | null | undefined | (number | { text?: string | null })[];

function hasText(content: Content): boolean {
  return Array.isArray(content) ? content.some((part) => typeof part === "object" && Boolean(part.text)) : Boolean(content);
}

function parsedFacts(chunk: Chunk): unknown[] {
  const { id, type, message, detail, error, usage, choices = [] } = chunk;
  const any = (is: (choice: NonNullable<Chunk["choices"]>[number]) => unknown) => choices.some((choice) => Boolean(is(choice)));
  const isChunk = "choices" in chunk || Boolean(usage) || id !== undefined || type !== undefined;
  const hasError = Boolean(error) || any((choice) => choice.error) || (!isChunk && Boolean(message || detail));
  const isFinished = any((choice) => choice.finish_reason);
  const kind = () => {
    if (hasError || /[Ee]rror$/.test(type ?? "")) return "error";
    if (any((choice) => choice.finish_reason === "abort")) return "aborted";
    if (any(({ text, delta }) => text || hasText(delta?.content))) return "text";
    if (any((choice) => choice.delta?.reasoning)) return "reasoning";
    if (any((choice) => choice.delta?.role)) return "role";
    return usage ? "usage" : "empty";
  };
  return [kind(), usage?.completion_tokens, isFinished];
}
