import { expect, test } from "vitest";

import { attached } from "../engines/attached.ts";
import { tensorrtLlm } from "../engines/tensorrtLlm.ts";
import type { Engine } from "../model/engine.ts";
import type { RunningEngine } from "../model/running.ts";
import { words } from "../model/words.ts";
import { tokenizerOf } from "./tokenizer.ts";
import { unusualServer, type Unusual, type UnusualServer } from "./unusualServer.ts";

const never = new AbortController().signal;

function runningAt({ url }: UnusualServer, engine: Engine = attached({ url })): RunningEngine {
  return {
    name: "server",
    engine,
    reach: { kind: "http", url, acceptAnyCertificate: false },
    facts: {},
    servedModel: "Llama-3.1-8B-Instruct",
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function why(tokenize: NonNullable<Unusual["tokenize"]>): Promise<string> {
  await using server = await unusualServer({ tokenize });
  const found = await tokenizerOf(runningAt(server), never);
  return found.kind === "silent" ? found.why : found.kind;
}

test("a tokenizer that answers as vLLM's does counts texts, ours word by word", async () => {
  await using server = await unusualServer();
  const found = await tokenizerOf(runningAt(server), never);
  expect(found).toMatchObject({ kind: "counts", ours: { words: words.length, tokens: words.length } });
  const counted = found.kind === "counts" ? await found.count(" the quick sheep", never) : undefined;
  expect(counted).toBe(3);
});

test("one that answers only llama.cpp's question is asked that, once vLLM's was not answered", async () => {
  await using server = await unusualServer({
    tokenize: (response, { content }) => {
      const tokens = typeof content === "string" ? content.trim().split(" ") : [];
      response.end(JSON.stringify({ tokens: tokens.map((_, id) => id) }));
      return "answered";
    },
  });
  const found = await tokenizerOf(runningAt(server), never);
  expect(found).toMatchObject({ kind: "counts", ours: { tokens: words.length } });
  expect(server.asked.map((body) => Object.keys(JSON.parse(body) as object)[0])).toEqual(["model", "content", "content"]);
});

test("one that is not there, answers nonsense, or always the same is not believed", async () => {
  const saying = (text: string, status = 200) =>
    why((response) => {
      response.writeHead(status).end(text);
      return "answered";
    });
  expect(await saying("Not Found", 404)).toBe("/tokenize answers 404");
  expect(await saying("<html>hello</html>")).toBe("/tokenize answers with something else than tokens");
  expect(await saying('{"count":3,"tokens":[1,2,3]}')).toMatch(
    /^\/tokenize answers with 3 tokens for [\d,]+ words, and with 3 for [\d,]+$/,
  );
  const all = JSON.stringify({ tokens: words.map((_, id) => id), count: words.length });
  expect(await saying(all)).toMatch(/^\/tokenize answers with ([\d,]+) tokens for \1 words, and with \1 for \d+$/);
});

test("one that does not answer is given up after five seconds, and asked nothing else", async () => {
  const from = performance.now();
  let asked = 0;
  expect(
    await why(() => {
      asked++;
      return "answered";
    }),
  ).toBe("/tokenize does not answer (no answer in time)");
  expect(asked).toBe(1);
  expect(performance.now() - from).toBeLessThan(8_000);
});

test("an engine whose tokenizer nobody knows how to ask is asked nothing", async () => {
  await using server = await unusualServer();
  expect(await tokenizerOf(runningAt(server, tensorrtLlm({ model: "tiny", image: "trtllm" })), never)).toEqual({ kind: "none" });
  expect(server.asked).toEqual([]);
});
