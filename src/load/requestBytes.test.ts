import { expect, test } from "vitest";

import type { Wire } from "../model/engine.ts";
import type { Passage, Request } from "../model/request.ts";
import { requestWriter } from "./requestBytes.ts";
import { plainRequest } from "./testServer.ts";

const wire: Wire = { api: "completions", takesTokenIds: true, tokenIdOffset: 1_000, fixesLength: true };
const passage = (text: string, tokenIds: readonly number[]): Passage => ({ kind: "passage", text, tokenIds });

function sent(request: Request, change: Partial<Wire> = {}, url = "http://host:81", reply?: string) {
  const bytes = requestWriter({ url: new URL(url), wire: { ...wire, ...change }, servedModel: "org/tiny" })(
    request,
    () => reply,
  ).toString();
  const [head = "", body = ""] = bytes.split("\r\n\r\n");
  return { head: head.split("\r\n"), length: Buffer.byteLength(body), body: JSON.parse(body) };
}

test("completions by token ids, moved to where the engine's words are", () => {
  const request = plainRequest({
    messages: [
      { role: "system", parts: [passage("a", [0, 9])] },
      { role: "user", parts: [passage("b", [99, 123_456_789])] },
    ],
  });
  const { head, length, body } = sent(request);
  expect(head).toEqual([
    "POST /v1/completions HTTP/1.1",
    "Host: host:81",
    "User-Agent: tandem",
    "Accept: text/event-stream",
    "Accept-Encoding: identity",
    "Content-Type: application/json",
    `Content-Length: ${length}`,
  ]);
  expect(body).toEqual({
    model: "org/tiny",
    max_tokens: 8,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ignore_eos: true,
    min_tokens: 8,
    prompt: [1_000, 1_009, 1_099, 123_457_789],
  });
});

test("chat, with the engine's own earlier reply spliced in and escaped", () => {
  const request = plainRequest({
    messages: [
      { role: "user", parts: [passage("Say ", [1]), passage("schön", [2])] },
      { role: "assistant", parts: [{ kind: "reply", request: 3, source: "own" }] },
      { role: "user", parts: [{ kind: "reply", request: 4, source: "scripted", scripted: passage("again", [3]) }] },
    ],
  });
  const { head, body, length } = sent(request, { api: "chat", fixesLength: false, apiKey: "key" }, "https://host/base/v1/", '"ö"\n');
  expect(head[0]).toBe("POST /base/v1/chat/completions HTTP/1.1");
  expect(head).toContain("Authorization: Bearer key");
  expect(head).toContain(`Content-Length: ${length}`);
  expect(body.messages).toEqual([
    { role: "user", content: "Say schön" },
    { role: "assistant", content: '"ö"\n' },
    { role: "user", content: "again" },
  ]);
  expect(body).not.toHaveProperty("ignore_eos");
});

test("a prompt with the engine's own reply goes as text, because only its text is known", () => {
  const own = { kind: "reply", request: 3, source: "own" } as const;
  const scripted = { kind: "reply", request: 3, source: "scripted", scripted: passage(" c", [7]) } as const;
  const request = (part: typeof own | typeof scripted) => plainRequest({ messages: [{ role: "user", parts: [passage("a ", [1]), part] }] });
  expect(sent(request(own), {}, "http://host", "b").body.prompt).toBe("a b");
  expect(sent(request(scripted)).body.prompt).toEqual([1_001, 1_007]);
});

test("the engine's extra fields win", () => {
  const { head, body } = sent(plainRequest(), { extraBody: { temperature: 0.5, top_k: 1 } }, "http://host");
  expect(body).toMatchObject({ temperature: 0.5, top_k: 1 });
  expect(head).toContain("Host: host");
});
