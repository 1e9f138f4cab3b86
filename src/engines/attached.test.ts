import { expect, test } from "vitest";
import { HarnessError } from "../model/harnessError.ts";
import { attached, type AttachedOptions } from "./attached.ts";

function addressOf(url: string): string | undefined {
  const { launch } = attached({ url });
  return launch.kind === "attached" ? launch.url : undefined;
}

function errorOf(options: AttachedOptions): string {
  try {
    attached(options);
    return "";
  } catch (error) {
    return error instanceof HarnessError ? `${error.message} ${error.hint}` : "not for people";
  }
}

test("a base URL is taken with or without /v1, with or without a slash", () => {
  const given = ["http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"];
  expect(given.map(addressOf)).toEqual(given.map(() => "http://127.0.0.1:8000"));
  expect(addressOf("https://gateway.example/a/v1")).toBe("https://gateway.example/a");
});

test("nothing is taken for granted of a server: chat, text, answers of its own length", () => {
  expect(attached({ url: "http://h:1" }).wire).toEqual({ api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false });
});

test("of a vLLM server exact lengths can be asked for", () => {
  const { wire } = attached({ url: "http://h:1", api: "completions", tokenIds: true, fixesLength: true, model: "m" });
  expect(wire).toEqual({ api: "completions", model: "m", takesTokenIds: true, tokenIdOffset: 1_000, fixesLength: true });
  expect(errorOf({ url: "http://h:1", tokenIds: true })).toContain('tokenIds needs api: "completions"');
});

test("a password in the URL is refused without being shown", () => {
  for (const url of ["http://me:hunter22@host:1/v1", "me:hunter22@host", "ftp://me:hunter22@host", "http://me:hunter22@ho st"]) {
    const said = errorOf({ url });
    expect(said).toMatch(/url|URL/);
    expect(said).not.toContain("hunter22");
  }
});

test("a URL of another scheme is told beside what else is wrong", () => {
  // @ts-expect-error there is neither such an option nor such an api
  const said = errorOf({ url: "ftp://x", modle: "m", api: "chatt" });
  expect(said).toContain('there is no option "modle", did you mean "model"?; api must be "chat" or "completions"');
  expect(said).toContain("ftp://x is not the http or https URL of a server");
});

test("a path of a server is not its URL, and what is, is told; a /v1 elsewhere may be a part of it", () => {
  for (const path of ["chat/completions", "completions", "models", "chat/completions/"]) {
    expect(errorOf({ url: `http://h:1/team/v1/${path}` })).toMatch(/is a path of a server.* end it before \/v1: http:\/\/h:1\/team;/);
  }
  expect(addressOf("https://gateway.example/v1/team/openai")).toBe("https://gateway.example/v1/team/openai");
});

test("an API key is in the wire alone, also when another option is wrong", () => {
  const engine = attached({ url: "http://h:1", apiKey: "sk-very-secret" });
  expect(engine.wire.apiKey).toBe("sk-very-secret");
  expect(JSON.stringify({ ...engine, wire: undefined })).not.toContain("sk-very-secret");
  // @ts-expect-error there is no such api
  expect(errorOf({ url: "http://h:1", apiKey: "sk-very-secret", api: "responses" })).not.toContain("sk-very-secret");
});

test("the prompt is the workload's: a body that would have another one too is refused", () => {
  const url = "http://127.0.0.1:8000";
  expect(attached({ url, extraBody: { temperature: 1 } }).wire.extraBody).toEqual({ temperature: 1 });
  expect(() => attached({ url, extraBody: { messages: [] } })).toThrow(
    'extraBody must leave messages to the workload, not {"messages":[]}',
  );
});

test("what Tandem sends by itself is no field of a body: it would be overridden silently", () => {
  const refused = (extraBody: Readonly<Record<string, unknown>>) => () => attached({ url: "http://127.0.0.1:8000", extraBody });
  expect(refused({ max_tokens: 2, temperature: 0.7, model: "other", max_completion_tokens: 2 })).toThrow(
    "extraBody must leave max_tokens and max_completion_tokens to the workload's outputTokens; " +
      "and model to the engine's own option for its model's name, not",
  );
  expect(refused({ stream: false, stream_options: {} })).toThrow(
    "must leave stream and stream_options to Tandem, which times answers as they stream",
  );
  expect(refused({ n: 2 })).toThrow("must leave n to Tandem, which asks for one answer at a time");
  expect(refused({ n: 1, min_p: 0.1, chat_template_kwargs: { enable_thinking: false } })).not.toThrow();
});
