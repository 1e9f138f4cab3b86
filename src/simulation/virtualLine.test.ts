import { expect, test } from "vitest";
import { virtualClock } from "../host/virtualClock.ts";
import { draws } from "../model/draw.ts";
import type { SimulationOptions } from "../model/engine.ts";
import type { Ending, ExchangeListener } from "../model/exchange.ts";
import { failed } from "../model/outcome.ts";
import type { Message, Request } from "../model/request.ts";
import { encode, passage, randomPassage } from "../model/vocabulary.ts";
import { simulatedCore } from "./core.ts";
import { virtualLine } from "./virtualLine.ts";

const options: SimulationOptions = {
  model: "Llama-3.1-8B-Instruct",
  gpu: "h100",
  tensorParallel: 1,
  gpuMemoryUtilization: 0.8,
  prefixCaching: true,
  chunkedPrefill: true,
  timeScale: 1,
};

function requestOf(messages: readonly Message[], maxOutputTokens = 3): Request {
  const lengths = { contextTokens: 0, questionTokens: 0, reusableTokens: 0, maxOutputTokens };
  return { id: 0, arrival: { kind: "at", offset: 0 }, messages, ...lengths };
}

const hundredWords: Message = { role: "user", parts: [randomPassage(100, draws(1, "words"))] };

/** Sends one request and writes down what is heard of it; `meanwhile` is given what aborts it. */
async function heardOf(
  request: Request,
  meanwhile: (abort: () => void, at: (seconds: number, act: () => void) => void) => void = () => undefined,
) {
  const clock = virtualClock();
  const line = virtualLine(simulatedCore(options, clock), clock);
  const events: string[] = [];
  const ending = new Promise<Ending>((resolve) => {
    const listener: ExchangeListener = {
      sent: (at, reused) => events.push(`sent ${at} ${reused}`),
      opened: () => {},
      headers: (at, status) => events.push(`headers ${at} ${status}`),
      chunk: (_, kind, tokens) => events.push(`${kind} ${tokens}`),
      texts: () => {},
      ended: (_, ending) => resolve(ending),
    };
    const exchange = line.send(
      line.prepare(request, () => " good morning", true),
      listener,
    );
    meanwhile(
      () => exchange.abort(failed("request-timeout", "too long")),
      (seconds, act) => clock.at(seconds * 1e9, act),
    );
  });
  await clock.runUntil(ending.then(() => undefined));
  return { events, ending: await ending };
}

test("an exchange is heard of as it would be over HTTP: sent, headers after tokenising, a chunk per token, usage", async () => {
  const { events, ending } = await heardOf(requestOf([hundredWords]));
  expect(events).toEqual(["sent 0 true", "headers 10160000 200", "text 1", "text 1", "text 1", "usage 0", "done 0"]);
  expect(ending).toMatchObject({ outcome: { kind: "completed" }, status: 200, promptTokens: 100, cachedTokens: 0, outputTokens: 3 });
  expect(encode(ending.text ?? "")).toHaveLength(3);
});

test("an earlier reply becomes part of the prompt, its own or a scripted one", async () => {
  const own: Message = { role: "assistant", parts: [{ kind: "reply", request: 0, source: "own" }] };
  const scripted: Message = { role: "assistant", parts: [{ kind: "reply", request: 0, source: "scripted", scripted: passage(" yes") }] };
  expect((await heardOf(requestOf([hundredWords, own]))).ending.promptTokens).toBe(102);
  expect((await heardOf(requestOf([hundredWords, scripted]))).ending.promptTokens).toBe(101);
});

test("a prompt that leaves no room for its answer is refused with 400", async () => {
  const { events, ending } = await heardOf(requestOf([hundredWords], 131_000));
  expect(events).toEqual(["sent 0 true", "headers 0 400"]);
  expect(ending.outcome).toMatchObject({ kind: "failed", code: "http-status" });
});

test("an abort ends the exchange at once, and once only", async () => {
  const { events, ending } = await heardOf(requestOf([hundredWords], 1000), (abort, at) => {
    at(0.1, abort);
    at(0.2, abort);
  });
  expect(events.filter((event) => event === "text 1").length).toBeGreaterThan(5);
  expect(ending).toEqual({ outcome: failed("request-timeout", "too long") });
});
