import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { attached } from "../engines/attached.ts";
import { withLmcache } from "../engines/lmcache.ts";
import { lmcacheServer } from "../engines/services/lmcacheServer.ts";
import type { LmcacheOptions } from "../engines/lmcacheOptions.ts";
import { llamaCpp } from "../engines/llamaCpp.ts";
import { sglang } from "../engines/sglang.ts";
import { vllm } from "../engines/vllm.ts";
import { vllmMetrics } from "../engines/vllmMetrics.ts";
import { tensorrtLlm } from "../engines/tensorrtLlm.ts";
import { tgi } from "../engines/tgi.ts";
import { simulated } from "../engines/simulated.ts";
import { cacheTokens } from "../measure/cacheTokens.ts";
import type { Engine } from "../model/engine.ts";
import type { Reading } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import type { RunningEngine } from "../model/running.ts";
import { metricsText } from "../simulation/metrics.ts";
import { engineMetrics } from "../probes/engineMetrics.ts";
import { serviceMetrics } from "./serviceMetrics.ts";

const clock = { now: () => Number(process.hrtime.bigint()) };

/** An engine that shows these pages, one after the other; the last one again and again. */
async function showing(...pages: readonly string[]): Promise<{ running: RunningEngine; scrapes: () => number } & AsyncDisposable> {
  let scrapes = 0;
  const server = createServer((_, response) => {
    response.end(pages[Math.min(scrapes++, pages.length - 1)]);
  });
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  const engine = { ...simulated(), metrics: vllmMetrics };
  return {
    running: {
      name: "cached",
      engine,
      reach: { kind: "http", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, acceptAnyCertificate: false },
      facts: {},
      servedModel: "tiny",
      died: new Promise(() => {}),
      [Symbol.asyncDispose]: async () => {},
    },
    scrapes: () => scrapes,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function edges(running: RunningEngine): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const probe of engineMetrics(clock, running)) {
    await probe.start((reading) => readings.push(reading));
    await probe.stop();
  }
  return readings;
}

const recorded = readFileSync(new URL("../probes/recorded/vllm-lmcache-cpu.metrics.txt", import.meta.url), "utf8");
const llamaCppPage = readFileSync(new URL("../probes/recorded/llamaCpp-cpu.metrics.txt", import.meta.url), "utf8");

test("a recorded page of vLLM with LMCache: hits per tier, and the sources add up to the prompt", async () => {
  await using engine = await showing(recorded);
  const readings = (await edges(engine.running)).slice(0, 9);
  expect(Object.fromEntries(readings.map(({ series, value }) => [series, value]))).toEqual({
    "running-requests": 0,
    "waiting-requests": 0,
    "kv-usage-share": 0.004396678065461623,
    "preemptions-total": 0,
    "prompt-tokens-total": 70_956,
    "computed-prompt-tokens-total": 34_102,
    "prefix-hit-tokens-total": 0,
    "external-hit-tokens-total": 36_854,
    "generation-tokens-total": 146,
  });
  expect(34_102 + 0 + 36_854).toBe(70_956);
});

test("an experiment has a reading at each of its edges, however short it is", async () => {
  const page = (tokens: number) => recorded.replace('external_kv_transfer"} 36854.0', `external_kv_transfer"} ${tokens}`);
  await using engine = await showing(page(100), page(2_148));
  const hits = (await edges(engine.running)).filter(({ series }) => series === "external-hit-tokens-total");
  expect(hits.map(({ value }) => value)).toEqual([100, 2_148]);
  expect(engine.scrapes()).toBe(2);
});

test("an older vLLM, without tokens by source, still tells its hits", async () => {
  const older = recorded
    .split("\n")
    .filter((line) => !line.includes("prompt_tokens_by_source"))
    .join("\n");
  await using engine = await showing(older);
  const hits = (await edges(engine.running)).filter(({ series }) => series.endsWith("hit-tokens-total"));
  expect(hits.slice(0, 2).map(({ series, value }) => [series, value])).toEqual([
    ["prefix-hit-tokens-total", 0],
    ["external-hit-tokens-total", 36_854],
  ]);
});

test("a server that engines share is read once, under its own name; one of a single engine under that engine's", async () => {
  await using engine = await showing("lmcache_mp_lookup_hit_l1_tokens_total 512.0\n");
  const port = Number(new URL(engine.running.reach.kind === "http" ? engine.running.reach.url : "").port);
  const read = async (engines: readonly string[]) => {
    const slot = { ports: { cache: 1, http: port }, directory: "/", services: {} };
    const readings: Reading[] = [];
    for (const probe of serviceMetrics({ name: "kv.lmcache-server", service: lmcacheServer(), engines, needs: {}, slot }, clock)) {
      await probe.start((reading) => readings.push(reading));
      await probe.stop();
    }
    return readings.map(({ of, series, value }) => [of, series, value]);
  };
  const hits = (of: string) => [1, 2].map(() => [of, "external-memory-hit-tokens-total", 512]); // at both edges
  expect(await read(["one", "other"])).toEqual(hits("kv.lmcache-server"));
  expect(await read(["one"])).toEqual(hits("one"));
});

/** On an H100, 41 requests: 443,904 of 643,555 prompt tokens came out of LMCache in the engine's process. */
const inProcessPage = readFileSync(new URL("../probes/recorded/vllm-gpu-lmcache-in-process.metrics.txt", import.meta.url), "utf8");

test("LMCache in the engine's process, recorded on a GPU: what it had is told of its one tier, of several tiers only together", async () => {
  const fresh = inProcessPage.replaceAll(/ \d\S*$/gm, " 0.0");
  await using engine = await showing(fresh, inProcessPage);
  const readings = await edges(engine.running);
  const counted = (config: LmcacheOptions) => {
    const { reuse } = withLmcache(vllm({ model: "m" }), { config }).claims?.({ configFiles: {} }) ?? {};
    const experiment = { records: [], readings } as Partial<ExperimentResult> as ExperimentResult; // all that is looked at here
    const { external, memoryTier, lowerTier } = cacheTokens("cached", experiment, reuse);
    return [external, memoryTier, lowerTier];
  };
  expect(counted({ cpuGigabytes: 30 })).toEqual([443_904, 443_904, undefined]);
  expect(counted({ cpuGigabytes: 0, diskGigabytes: 30 })).toEqual([443_904, undefined, 443_904]);
  expect(counted({ cpuGigabytes: 30, diskGigabytes: 30 })).toEqual([443_904, undefined, undefined]);
});

test("a recorded page of llama.cpp: what it computed and what it found again are the prompts", async () => {
  await using engine = await showing(llamaCppPage);
  const { metrics = vllmMetrics } = llamaCpp({ model: "/tiny.gguf" });
  const readings = await edges({ ...engine.running, engine: { ...engine.running.engine, metrics } });
  expect(Object.fromEntries(readings.map(({ series, value }) => [series, value]))).toEqual({
    "running-requests": 0,
    "waiting-requests": 0,
    "computed-prompt-tokens-total": 1_804,
    "prefix-hit-tokens-total": 599,
    "generation-tokens-total": 17,
  });
  // "Hello", and four times 600 token ids, of which 599 were found once.
  expect(1_804 + 599).toBe(3 + 4 * 600);
});

/** As SGLang's documents and others' scrapes show them: labels of its own, cached tokens by where they were. */
const sglangPage = (cached: readonly string[]) =>
  [
    "# HELP sglang:prompt_tokens_total Number of prefill tokens processed.",
    "# TYPE sglang:prompt_tokens_total counter",
    'sglang:prompt_tokens_total{model_name="tiny",is_streaming="true"} 4096.0',
    'sglang:prompt_tokens_total{model_name="tiny",is_streaming="false"} 1024.0',
    'sglang:generation_tokens_total{model_name="tiny"} 160.0',
    ...cached,
    "# TYPE sglang:token_usage gauge",
    'sglang:token_usage{engine_type="unified",model_name="tiny",tp_rank="0"} 0.28',
    'sglang:num_running_reqs{model_name="tiny",tp_rank="0"} 3.0',
    'sglang:num_queue_reqs{model_name="tiny",tp_rank="0"} 2.0',
    'sglang:num_requests_total{model_name="tiny"} 20.0',
    'sglang:time_to_first_token_seconds_bucket{le="0.1",model_name="tiny"} 17.0',
  ].join("\n");

const cachedTokens = (source: string, tokens: number) =>
  `sglang:cached_tokens_total{cache_source="${source}",model_name="tiny"} ${tokens}.0`;

async function readingsOf(engine: Engine, page: string): Promise<Readonly<Record<string, number>>> {
  await using shown = await showing(page);
  const { metrics = vllmMetrics } = engine;
  const readings = await edges({ ...shown.running, engine: { ...shown.running.engine, metrics } });
  return Object.fromEntries(readings.map(({ series, value }) => [series, value]));
}

test("SGLang's hits are told by tier: on the GPU, in host memory, in whichever storage", async () => {
  const cached = [
    cachedTokens("device", 512),
    cachedTokens("host", 256),
    cachedTokens("storage_file", 64),
    cachedTokens("storage_nixl", 32),
  ];
  expect(await readingsOf(sglang({ model: "tiny" }), sglangPage(cached))).toEqual({
    "running-requests": 3,
    "waiting-requests": 2,
    "kv-usage-share": 0.28,
    "prompt-tokens-total": 5_120,
    "prefix-hit-tokens-total": 512,
    "external-hit-tokens-total": 352, // 256 + 64 + 32
    "external-memory-hit-tokens-total": 256,
    "external-lower-hit-tokens-total": 96,
    "generation-tokens-total": 160,
  });
});

test("cached tokens of an SGLang that does not tell where they were are its own; those of a storage alone are not", async () => {
  const older = await readingsOf(sglang({ model: "tiny" }), sglangPage(['sglang:cached_tokens_total{model_name="tiny"} 512.0']));
  expect([older["prefix-hit-tokens-total"], older["external-hit-tokens-total"]]).toEqual([512, undefined]);
  const below = await readingsOf(sglang({ model: "tiny" }), sglangPage([cachedTokens("storage", 64)]));
  expect([below["prefix-hit-tokens-total"], below["external-hit-tokens-total"]]).toEqual([0, 64]);
  const total = await readingsOf(sglang({ model: "tiny" }), sglangPage([cachedTokens("total", 96)]));
  expect(total["prefix-hit-tokens-total"]).toBe(96);
});

test("SGLang shows such a counter only once it has counted: until then it is 0, and nothing where there is no page", async () => {
  const fresh = await readingsOf(sglang({ model: "tiny" }), sglangPage([]));
  expect([fresh["prefix-hit-tokens-total"], fresh["external-hit-tokens-total"], fresh["preemptions-total"]]).toEqual([0, 0, undefined]);
  expect(await readingsOf(sglang({ model: "tiny" }), "no metrics here")).toEqual({});
});

/** As others' scrapes of TGI's router show it: no labels, token counts as histograms alone. */
const tgiPage = `# HELP tgi_request_count Total number of requests received
# TYPE tgi_request_count counter
tgi_request_count 150
# TYPE tgi_queue_size gauge
tgi_queue_size 3
# TYPE tgi_batch_current_size gauge
tgi_batch_current_size 5
# TYPE tgi_batch_current_max_tokens gauge
tgi_batch_current_max_tokens 2048
# TYPE tgi_request_generated_tokens histogram
tgi_request_generated_tokens_bucket{le="1"} 0
tgi_request_generated_tokens_sum 8123
tgi_request_generated_tokens_count 148
`;

test("TGI tells how many requests run and wait, and nothing of its cache", async () => {
  expect(await readingsOf(tgi({ model: "tiny" }), tgiPage)).toEqual({ "running-requests": 5, "waiting-requests": 3 });
});

/** As others' scrapes of trtllm-serve show it, at /prometheus/metrics. */
const tensorrtLlmPage = `# TYPE trtllm_request_success_total counter
trtllm_request_success_total{model_name="tiny",engine_type="trtllm",finished_reason="length"} 5
# TYPE trtllm_num_requests_running gauge
trtllm_num_requests_running{model_name="tiny",engine_type="trtllm"} 3.0
# TYPE trtllm_num_requests_waiting gauge
trtllm_num_requests_waiting{model_name="tiny",engine_type="trtllm"} 1.0
# TYPE trtllm_kv_cache_utilization gauge
trtllm_kv_cache_utilization{model_name="tiny",engine_type="trtllm"} 0.62
# TYPE trtllm_kv_cache_hit_rate gauge
trtllm_kv_cache_hit_rate{model_name="tiny",engine_type="trtllm"} 0.38
# TYPE trtllm_time_to_first_token_seconds histogram
trtllm_time_to_first_token_seconds_bucket{model_name="tiny",engine_type="trtllm",le="0.1"} 85
`;

test("TensorRT-LLM tells how many requests run and wait and how full its KV cache is, an older one the last alone", async () => {
  const engine = tensorrtLlm({ model: "tiny" });
  expect(engine.metrics?.path).toBe("/prometheus/metrics");
  expect(await readingsOf(engine, tensorrtLlmPage)).toEqual({ "running-requests": 3, "waiting-requests": 1, "kv-usage-share": 0.62 });
  expect(await readingsOf(engine, tensorrtLlmPage.replace(/^trtllm_num_requests.*$/gm, ""))).toEqual({ "kv-usage-share": 0.62 });
});

test("a server that was up already tells what its engine would tell, whichever it is, and no zeros of counters that another one has", async () => {
  const server = attached({ url: "http://127.0.0.1:8000" });
  expect(await readingsOf(server, recorded)).toEqual(await readingsOf(vllm({ model: "tiny" }), recorded));
  expect(await readingsOf(server, llamaCppPage)).toEqual(await readingsOf(llamaCpp({ model: "/tiny.gguf" }), llamaCppPage));
  expect(await readingsOf(server, tgiPage)).toEqual({ "running-requests": 5, "waiting-requests": 3 });
  const {
    "prefix-hit-tokens-total": _own,
    "external-hit-tokens-total": _beside,
    ...others
  } = await readingsOf(sglang({ model: "tiny" }), sglangPage([]));
  const { "external-memory-hit-tokens-total": _memory, "external-lower-hit-tokens-total": _lower, ...shown } = others;
  expect(await readingsOf(server, sglangPage([]))).toEqual(shown);
  expect(await readingsOf(server, "somebody_elses_requests_total 7")).toEqual({});
});

test("a server that wants its key for its metrics is asked with it", async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    response.end(recorded);
  });
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using shown = await showing(recorded);
  const reach = { kind: "http", url, acceptAnyCertificate: false } as const;
  const readings = await edges({ ...shown.running, engine: attached({ url, apiKey: "sesame" }), reach });
  server.closeAllConnections();
  server.close();
  expect(readings.length).toBeGreaterThan(0);
  expect(new Set(asked)).toEqual(new Set(["Bearer sesame"]));
});

test("the simulated engine tells everything that vLLM tells", async () => {
  const counts = { running: 2, waiting: 1, kvUsage: 0.5, preemptions: 3, gpuQueries: 40, gpuHits: 16, cpuQueries: 24, cpuHits: 8 };
  await using engine = await showing(metricsText({ ...counts, promptTokens: 60, outputTokens: 7, finished: 2 }, "tiny"));
  const readings = await edges(engine.running);
  expect(readings.slice(0, 9).map(({ value }) => value)).toEqual([2, 1, 0.5, 3, 60, 36, 16, 8, 7]);
});
