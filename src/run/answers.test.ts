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
async function up(engine: Engine, answer: (question: number) => unknown): Promise<Up> {
  const bodies: Readonly<Record<string, unknown>>[] = [];
  const listen: RequestListener = (request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => (text += piece.toString()));
    request.on("end", () => {
      bodies.push(JSON.parse(text) as Readonly<Record<string, unknown>>); // whatever it is, it is looked at below
      const said = answer(bodies.length);
      response.writeHead(said === undefined ? 400 : 200).end(JSON.stringify(said));
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
  expect(await answersOf(server.running, prompts.slice(0, 1), asked)).toEqual([
    {
      first: { text: "ab", tokens: ["a", "b"], cachedTokens: 0 },
      again: { text: "ac", tokens: ["a", "c"], cachedTokens: 1_024 },
    },
  ]);
  const [first, ...others] = server.bodies;
  expect(first).toMatchObject({ model: "tiny", max_tokens: 16, temperature: 0, logprobs: 1, ignore_eos: true });
  expect(first?.["prompt"]).toHaveLength(1_088);
  expect(others).toEqual([first, first]);
});

test("of an engine that refuses, nothing is known", async () => {
  await using server = await up(tiny, () => undefined);
  expect(await answersOf(server.running, prompts, asked)).toBeUndefined();
  expect(server.bodies).toHaveLength(1);
});

test("prompts fit every engine of the test, and there are none where no engine keeps anything", () => {
  const small = vllm({ model: "/models/tiny", maxModelLen: 1_024 });
  const lengths = answerPrompts([planned(tiny), planned(small)], virtualClock()).map((one) => one.contextTokens + one.questionTokens);
  expect(lengths).toEqual([1_008, 1_008, 1_008]);
  expect(answerPrompts([planned(simulated({ prefixCaching: false }))], virtualClock())).toEqual([]);
});
