import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";

import { simulated } from "../engines/simulated.ts";
import { vllm } from "../engines/vllm.ts";
import { virtualClock } from "../host/virtualClock.ts";
import type { Engine } from "../model/engine.ts";
import type { RunningEngine } from "../model/running.ts";
import { answerPrompts, answersOf } from "./answers.ts";

const asked = { reuse: { own: false, external: true }, stop: new AbortController().signal };

const tiny = vllm({ model: "/models/tiny", maxModelLen: 4_096 });

interface Up extends AsyncDisposable {
  readonly running: RunningEngine;
  readonly bodies: Readonly<Record<string, unknown>>[];
}

/** A server that answers as vLLM does, whatever `answer` says of the n-th question. */
async function up(engine: Engine, answer: (question: number, path: string) => unknown): Promise<Up> {
  const bodies: Readonly<Record<string, unknown>>[] = [];
  const listen: RequestListener = (request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => (text += piece.toString()));
    request.on("end", () => {
      if (text !== "") bodies.push(JSON.parse(text) as Readonly<Record<string, unknown>>); // whatever it is, it is looked at below
      const said = answer(bodies.length, request.url ?? "");
      response.writeHead(said === undefined ? 400 : 200).end(typeof said === "string" ? said : JSON.stringify(said));
    });
  };
  const server = createServer(listen).listen(0, "127.0.0.1");
  await new Promise((onListening) => server.once("listening", onListening));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const running: RunningEngine = {
    name: "cached",
    engine,
    reach: { kind: "http", url: `http://127.0.0.1:${port}`, acceptAnyCertificate: false },
    facts: {},
    servedModel: "tiny",
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
  return { running, bodies, [Symbol.asyncDispose]: async () => void server.close() };
}

function completion(tokens: readonly string[], cached: number): unknown {
  const usage = { prompt_tokens_details: { cached_tokens: cached } };
  return { choices: [{ text: tokens.join(""), logprobs: { tokens } }], usage };
}

function planned(engine: Engine) {
  return { name: "cached", engine, world: { configFiles: {} }, batch: 0, gpus: [], port: undefined };
}

const prompts = answerPrompts([planned(tiny)], virtualClock());

test("each prompt is asked twice at temperature 0, and again until a cache that stores late has it", async () => {
  const answers = [completion(["a", "b"], 0), completion(["a", "b"], 0), completion(["a", "c"], 1_024)];
  await using server = await up(tiny, (question) => answers[question - 1]);
  expect(await answersOf(server.running, prompts.slice(0, 1), asked)).toEqual({
    answers: [
      {
        first: { text: "ab", tokens: ["a", "b"], cachedTokens: 0 },
        again: { text: "ac", tokens: ["a", "c"], cachedTokens: 1_024 },
      },
    ],
    checks: [],
  });
  const [first, ...others] = server.bodies;
  expect(first).toMatchObject({ model: "tiny", max_tokens: 16, temperature: 0, logprobs: 1, ignore_eos: true });
  expect(first?.["prompt"]).toHaveLength(1_088);
  expect(others).toEqual([first, first]);
});

/** Two caches: its own answers 1,072 tokens until it is emptied, and then the one beside it 1,024 of its own. */
async function twoCaches(own: string, beside: string, isEmptied = true): Promise<Up> {
  const hits = { own: 0, external: 0 };
  const counters = () => `vllm:prefix_cache_hits_total ${hits.own}\nvllm:external_prefix_cache_hits_total ${hits.external}\n`;
  const asks = ["first", "own", "beside"];
  return up(tiny, (_question, path) => {
    if (path === "/metrics") return counters();
    if (path === "/reset_prefix_cache") return isEmptied ? "" : undefined;
    const from = asks.shift();
    if (from === "own") hits.own += 1_072;
    if (from === "beside") hits.external += 1_024;
    return completion(["a", from === "own" ? own : from === "beside" ? beside : "b"], from === "first" ? 0 : 1_072);
  });
}

const inBoth = { ...asked, reuse: { own: true, external: true } };

test("where two caches keep it, the answer of the one beside the engine is held against the first too, and hides none of its own", async () => {
  const again = async (own: string, beside: string) => {
    await using server = await twoCaches(own, beside);
    return (await answersOf(server.running, prompts.slice(0, 1), inBoth)).answers?.[0]?.again;
  };
  expect(await again("b", "x")).toEqual({ text: "ax", tokens: ["a", "x"], cachedTokens: 1_024 });
  expect(await again("y", "b")).toEqual({ text: "ay", tokens: ["a", "y"], cachedTokens: 1_072 });
});

test("where an engine's own cache cannot be emptied alone, it is told that the answers of the one beside it were not seen", async () => {
  await using server = await twoCaches("b", "x", false);
  const stopped = { ...inBoth, stop: AbortSignal.timeout(500) };
  const { answers, checks } = await answersOf(server.running, prompts.slice(0, 1), stopped);
  expect(answers?.[0]?.again.text).toBe("ab");
  expect(checks).toMatchObject([{ what: "answers out of the cache beside the engine", found: expect.stringMatching(/^not seen/) }]);
  expect(checks[0]).not.toHaveProperty("ok");
});

test("of an engine that refuses, nothing is known", async () => {
  await using server = await up(tiny, () => undefined);
  expect(await answersOf(server.running, prompts, asked)).toEqual({ checks: [] });
  expect(server.bodies).toHaveLength(1);
});

test("prompts fit every engine of the test, and there are none where no engine keeps anything", () => {
  const small = vllm({ model: "/models/tiny", maxModelLen: 1_024 });
  const lengths = answerPrompts([planned(tiny), planned(small)], virtualClock()).map((one) => one.contextTokens + one.questionTokens);
  expect(lengths).toEqual([1_008, 1_008, 1_008]);
  expect(answerPrompts([planned(simulated({ prefixCaching: false }))], virtualClock())).toEqual([]);
});
