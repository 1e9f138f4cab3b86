import { expect, test } from "vitest";
import { virtualClock } from "../host/virtualClock.ts";
import { draws } from "../model/draw.ts";
import type { SimulationOptions } from "../model/engine.ts";
import type { Clock } from "../model/host.ts";
import { randomPassage } from "../model/vocabulary.ts";
import type { GenerationListener, GenerationUsage, SimulatedCore } from "./core.ts";
import { simulatedCore } from "./core.ts";
import { findGpu } from "./gpus.ts";
import { findModel } from "./models.ts";
import { stepTime, vllmV1 } from "./stepTime.ts";

const plain: SimulationOptions = {
  model: "Llama-3.1-8B-Instruct",
  gpu: "h100",
  tensorParallel: 1,
  gpuMemoryUtilization: 0.8,
  prefixCaching: false,
  chunkedPrefill: true,
  timeScale: 1,
};

interface Heard {
  readonly queued: number;
  readonly tokens: readonly (readonly [at: number, token: number])[];
  readonly ended: number;
  readonly usage: GenerationUsage;
}

function ask(core: SimulatedCore, prompt: readonly number[], maxOutput: number): Promise<Heard> {
  return new Promise((resolve) => {
    let queued = NaN;
    const tokens: (readonly [number, number])[] = [];
    const listener: GenerationListener = {
      queued: (at) => void (queued = at),
      token: (at, token) => void tokens.push([at, token]),
      finished: (ended, usage) => resolve({ queued, tokens, ended, usage }),
    };
    core.submit(prompt, maxOutput, listener);
  });
}

/** What requests hear that are sent `everySeconds` after each other. */
async function inSequence(
  options: SimulationOptions,
  prompts: readonly (readonly number[])[],
  everySeconds: number,
): Promise<readonly Heard[]> {
  const clock = virtualClock();
  const core = simulatedCore(options, clock);
  const heard = prompts.map(
    (prompt, index) => new Promise<Heard>((resolve) => clock.at(index * everySeconds * 1e9, () => resolve(ask(core, prompt, 20)))),
  );
  await clock.runUntil(Promise.all(heard).then(() => undefined));
  return Promise.all(heard);
}

function words(count: number, name: string): readonly number[] {
  return randomPassage(count, draws(1, name)).tokenIds;
}

function ttft({ tokens }: Heard, sentSeconds = 0): number {
  return tokens[0]![0] / 1e9 - sentSeconds;
}

test("time to first token is the server's share plus one step per piece of prompt", async () => {
  const [heard] = await inSequence(plain, [words(10_000, "a")], 1);
  const step = stepTime(findModel(plain.model), findGpu(plain.gpu), 1, vllmV1);
  const piece = { sequences: 1, decoding: 0, decodingContext: 0 };
  const pieces =
    step({ ...piece, tokens: 8192, emitting: 0, chunks: [{ context: 0, tokens: 8192 }] }) +
    step({ ...piece, tokens: 1808, emitting: 1, chunks: [{ context: 8192, tokens: 1808 }] });
  expect(heard!.queued).toBe(10e6 + 10_000 * 1600);
  expect(ttft(heard!)).toBeCloseTo(0.01 + 0.016 + pieces, 8);
  expect(heard!.usage).toEqual({ promptTokens: 10_000, outputTokens: 20, gpuCachedTokens: 0, cpuCachedTokens: 0, preemptions: 0 });
});

test("an engine that takes one sequence at a time lets the second wait for the first", async () => {
  const prompts = ["one", "two"].map((name) => words(1_000, name));
  const [first, second] = await inSequence({ ...plain, maxSequences: 1 }, prompts, 0.001);
  expect(second!.tokens[0]![0]).toBeGreaterThan(first!.ended);
  const [alone, beside] = await inSequence(plain, prompts, 0.001);
  expect(beside!.tokens[0]![0]).toBeLessThan(alone!.ended);
});

test("a context kept in CPU memory saves most of the wait, and storing it costs a little", async () => {
  const context = words(24_576, "context");
  const prompts = ["one", "two"].map((name) => context.concat(words(16, name)));
  const [cold, again] = await inSequence(plain, prompts, 8);
  const [stored, loaded] = await inSequence({ ...plain, cpuCache: { gigabytes: 5, chunkTokens: 256 } }, prompts, 8);
  expect(ttft(again!, 8)).toBeCloseTo(ttft(cold!), 3);
  expect(loaded!.usage.cpuCachedTokens).toBe(24_576);
  expect(ttft(loaded!, 8) / ttft(cold!)).toBeLessThan(0.25);
  expect(ttft(stored!) / ttft(cold!)).toBeGreaterThan(1.01);
  expect(ttft(stored!) / ttft(cold!)).toBeLessThan(1.2);
});

test("the engine's own prefix cache is faster still, and is asked first", async () => {
  const context = words(8192, "context");
  const prompts = ["one", "two"].map((name) => context.concat(words(16, name)));
  const cpuCache = { gigabytes: 5, chunkTokens: 256 };
  const [, fromCpu] = await inSequence({ ...plain, cpuCache }, prompts, 8);
  const [, fromGpu] = await inSequence({ ...plain, cpuCache, prefixCaching: true }, prompts, 8);
  expect(fromGpu!.usage).toMatchObject({ gpuCachedTokens: 8192, cpuCachedTokens: 0 });
  expect(ttft(fromGpu!, 8)).toBeLessThan(ttft(fromCpu!, 8));
});

test("the same requests give the same events to the nanosecond, and the same words from any engine", async () => {
  const prompts = Array.from({ length: 40 }, (_, index) => words(100 + 50 * index, `prompt ${index % 7}`));
  const busy = { ...plain, prefixCaching: true, gpuMemoryUtilization: 0.25 };
  const [once, twice] = [await inSequence(busy, prompts, 0.01), await inSequence(busy, prompts, 0.01)];
  expect(JSON.stringify(twice)).toBe(JSON.stringify(once));
  const elsewhere = await inSequence({ ...plain, gpu: "a40" }, prompts, 0.01);
  const spoken = (heard: readonly Heard[]) => heard.map(({ tokens }) => tokens.map(([, token]) => token));
  expect(spoken(elsewhere)).toEqual(spoken(once));
});

test("a time scale of 0.1 makes everything ten times as fast", async () => {
  const prompts = [words(5000, "a")];
  const [[real], [fast]] = [await inSequence(plain, prompts, 1), await inSequence({ ...plain, timeScale: 0.1 }, prompts, 1)];
  expect(fast!.ended / real!.ended).toBeCloseTo(0.1, 6);
});

test("a clock that is late does not slow the engine down", async () => {
  const clock = virtualClock();
  const late: Clock = {
    ...clock,
    now: () => clock.now(),
    at: (time, act) => clock.at(time + 1_500_000, act),
    runUntil: (done) => clock.runUntil(done),
  };
  const heard = ask(simulatedCore(plain, late), words(1000, "a"), 20);
  await clock.runUntil(heard.then(() => undefined));
  const [onTime] = await inSequence(plain, [words(1000, "a")], 1);
  expect((await heard).ended).toBe(onTime!.ended);
});

test("an aborted request is not heard of again, and leaves no block behind", async () => {
  const clock = virtualClock();
  const core = simulatedCore(plain, clock);
  const heard: string[] = [];
  const listener = { queued: () => heard.push("queued"), token: () => heard.push("token"), finished: () => heard.push("finished") };
  const generation = core.submit(words(100, "a"), 50, listener);
  clock.at(100e6, () => generation.abort());
  const other = ask(core, words(100, "b"), 100);
  await clock.runUntil(other.then(() => undefined));
  expect(heard.length).toBeGreaterThan(2);
  expect(heard).not.toContain("finished");
  expect(core.counts()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0, finished: 1 });
});

test("counters add up: every prompt token was computed, found on the GPU or loaded", async () => {
  const clock = virtualClock();
  const core = simulatedCore({ ...plain, prefixCaching: true, cpuCache: { gigabytes: 1, chunkTokens: 256 } }, clock);
  const first = ask(core, words(1000, "a"), 2);
  await clock.runUntil(first.then(() => undefined));
  expect(core.resetCaches({ cpu: false })).toBe(true);
  const second = ask(core, words(1000, "a"), 2);
  await clock.runUntil(second.then(() => undefined));
  expect((await second).usage).toMatchObject({ gpuCachedTokens: 0, cpuCachedTokens: 768 });
  expect(core.counts()).toMatchObject({
    promptTokens: 2000,
    outputTokens: 4,
    gpuQueries: 2000,
    gpuHits: 0,
    cpuQueries: 2000,
    cpuHits: 768,
  });
});

test("the headline test's load on two engines takes far less than two seconds of our time", async () => {
  const before = process.threadCpuUsage(); // not the clock's: others may be at work, too
  for (const context of [8192, 16_384, 24_576]) {
    const shared = words(context, "shared");
    const prompts = Array.from({ length: 10 }, (_, index) => [...shared, ...words(16, `question ${index}`)]);
    const clock = virtualClock();
    const cores = [simulatedCore(plain, clock), simulatedCore({ ...plain, cpuCache: { gigabytes: 5, chunkTokens: 256 } }, clock)];
    const heard = cores.flatMap((core) =>
      prompts.map((prompt, index) => new Promise<Heard>((resolve) => clock.at(index * 8e9, () => resolve(ask(core, prompt, 200))))),
    );
    await clock.runUntil(Promise.all(heard).then(() => undefined));
  }
  const { user, system } = process.threadCpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(2);
});
