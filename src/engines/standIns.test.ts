import { describe, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { bench } from "../launch/fixture.ts";
import { processLauncher } from "../launch/process.ts";
import { httpLine } from "../load/httpLine.ts";
import { exchange } from "../load/testServer.ts";
import type { Engine } from "../model/engine.ts";
import { command } from "./command.ts";
import { llamaCpp } from "./llamaCpp.ts";
import { sglang } from "./sglang.ts";
import { standIn, type Behaviour, type StandIn } from "./standIn.ts";
import { tensorrtLlm } from "./tensorrtLlm.ts";
import { tgi } from "./tgi.ts";
import { transformersServe } from "./transformersServe.ts";

const openAi = ["model", "messages", "prompt", "max_tokens", "temperature", "stream", "stream_options"];
const loading = { status: 503, body: '{"error":{"message":"Loading model","type":"unavailable_error","code":503}}' };

interface Case {
  readonly engine: Engine;
  readonly behaviour: Behaviour;
  readonly commandLine: string;
  /** Told by its answers. */
  readonly facts?: Readonly<Record<string, string>>;
  readonly fixesLength: boolean;
  readonly tokenIds: boolean;
}

const cases: readonly Case[] = [
  {
    engine: sglang({ model: "Qwen/Qwen3-8B", prefixCaching: false, hiCache: { gigabytes: 30, storage: "file" } }),
    behaviour: {
      program: "python3",
      portFlag: "--port",
      loading,
      models: ["Qwen/Qwen3-8B"],
      info: { "/get_server_info": { version: "0.4.9", context_length: 40_960 } }, // as older versions call it
      takesTokenIds: true,
      saysDone: true,
    },
    facts: { version: "0.4.9", "context limit": "40960 tokens" },
    commandLine:
      "-m sglang.launch_server --model-path Qwen/Qwen3-8B --host 127.0.0.1 --port PORT --disable-radix-cache --enable-hierarchical-cache " +
      "--hicache-size 30 --hicache-storage-backend file --enable-metrics --enable-cache-report",
    fixesLength: true,
    tokenIds: true,
  },
  {
    engine: llamaCpp({ model: "/models/tiny.gguf", contextLimit: 4_096, parallel: 2, gpuLayers: 0, prefixCaching: false }),
    behaviour: {
      program: "llama-server",
      portFlag: "--port",
      loading,
      models: ["/models/tiny.gguf"],
      meta: { n_ctx_train: 16_384, n_ctx: 4_096 },
      fingerprint: "b0-0c1e57098",
      takesTokenIds: true,
      saysDone: true,
    },
    commandLine:
      "--model /models/tiny.gguf --host 127.0.0.1 --port PORT --ctx-size 8192 --parallel 2 --n-gpu-layers 0 --no-cache-prompt --cache-ram 0 " +
      "--slot-save-path SCRATCH --metrics",
    facts: { version: "b0-0c1e57098", "context limit": "4096 tokens" },
    fixesLength: true,
    tokenIds: true,
  },
  {
    engine: transformersServe({ model: "/models/tiny", continuousBatching: true, cacheBlocks: 64, device: "cpu" }),
    behaviour: {
      program: "transformers",
      portFlag: "--port",
      modelsStatus: 500, // seen where the hub's cache folder is missing
      known: openAi,
      refusal: 422,
      takesTokenIds: false,
      saysDone: false,
    },
    commandLine: "serve /models/tiny --host 127.0.0.1 --port PORT --continuous-batching --cb-num-blocks 64 --device cpu",
    fixesLength: false,
    tokenIds: false,
  },
  {
    engine: { ...tgi({ model: "google/gemma-3-4b-it", maxTotalTokens: 8_192, prefixCaching: false }), gpus: 0, gpuShare: 0 },
    behaviour: {
      program: "text-generation-launcher",
      portFlag: "--port",
      loading: { status: 503, body: '{"error":"unhealthy","error_type":"healthcheck"}' },
      modelsStatus: 404,
      info: { "/info": { version: "3.3.5", max_total_tokens: 8_192, model_dtype: "torch.bfloat16" } },
      fingerprint: "3.3.5-sha-abc",
      takesTokenIds: false,
      saysDone: true,
    },
    commandLine: "--model-id google/gemma-3-4b-it --hostname 127.0.0.1 --port PORT --max-total-tokens 8192",
    facts: { version: "3.3.5", "context limit": "8192 tokens", dtype: "bfloat16" },
    fixesLength: false,
    tokenIds: false,
  },
  {
    engine: tensorrtLlm({ model: "/models/Qwen3-8B", kvCacheFraction: 0.5, prefixCaching: false }),
    behaviour: {
      program: "trtllm-serve",
      portFlag: "--port",
      models: ["Qwen3-8B"], // of a path, its last part
      known: [...openAi, "ignore_eos", "min_tokens"],
      refusal: 400,
      takesTokenIds: true,
      saysDone: true,
    },
    commandLine:
      "/models/Qwen3-8B --host 127.0.0.1 --port PORT --kv_cache_free_gpu_memory_fraction 0.5 --extra_llm_api_options SCRATCH/tensorrt-llm.yaml",
    fixesLength: true,
    tokenIds: true,
  },
  {
    engine: command({
      program: "my-server",
      args: ["--listen", "{port}", "--weights", "{model}", "--cache", "{directory}/kv"],
      model: "tiny",
    }),
    behaviour: { program: "my-server", portFlag: "--listen", models: ["tiny"], takesTokenIds: false, saysDone: true },
    commandLine: "--listen PORT --weights tiny --cache SCRATCH/kv",
    fixesLength: false,
    tokenIds: false,
  },
];

describe.each(cases)(
  "$engine.kind, by a program that stands in for it",
  ({ engine, behaviour, commandLine, facts = {}, fixesLength, tokenIds }) => {
    test("it is started, gets ready, answers a measured request and ends", async () => {
      using program = standIn(behaviour);
      using at = bench();
      const place = thisMachine();
      const port = await place.freePort();
      const order = at.order({ ...engine, gpus: 0, gpuShare: 0 }, { port });
      await using running = await processLauncher(place, { PATH: `${program.path}:/usr/bin:/bin` }).launch(order);
      expect(shown(program, port, at.file("scratch"))).toBe(commandLine);
      expect(running.facts).toMatchObject(facts);
      const url = running.reach.kind === "http" ? running.reach.url : "";
      const line = httpLine({ url, wire: engine.wire, servedModel: running.servedModel, clock: realClock() });
      const heard = await exchange(line);
      line.close();
      expect(heard.ended.ending).toMatchObject({ outcome: { kind: "completed" }, promptTokens: 2, outputTokens: 3 });
      const measured = program.bodies().at(-1) ?? {};
      expect("ignore_eos" in measured).toBe(fixesLength);
      expect(Array.isArray(measured["prompt"])).toBe(tokenIds);
    });
  },
);

test("llama.cpp is asked not to reuse its cache request by request", async () => {
  expect(llamaCpp({ model: "/m.gguf", prefixCaching: false }).wire.extraBody).toEqual({ cache_prompt: false });
});

test("what TensorRT-LLM and TGI have no flag for goes where they look for it", () => {
  const slot = { port: 1, gpus: [], directory: "/scratch" };
  const trt = tensorrtLlm({ model: "m", prefixCaching: false, kvCacheFraction: 0.5 }).launch;
  const files = "command" in trt ? trt.command(slot, { configFiles: {} }).files : undefined;
  expect(JSON.parse(files?.["tensorrt-llm.yaml"] ?? "")).toMatchObject({
    kv_cache_config: { enable_block_reuse: false, free_gpu_memory_fraction: 0.5 },
  });
  const launch = tgi({ model: "m", prefixCaching: false }).launch;
  expect("command" in launch ? launch.command(slot, { configFiles: {} }).env : {}).toEqual({ PREFIX_CACHING: "0" });
});

test("mistakes are told where they are made", () => {
  expect(() => command({ program: "x", args: ["--port", "8000"], model: "m" })).toThrow("nothing says {port}");
  expect(() => command({ program: "x", args: ["{port}"], model: "m", tokenIds: true })).toThrow('tokenIds needs api: "completions"');
  expect(() => sglang({ model: "m", venv: "/v", image: "i" })).toThrow("venv and image each say where it is installed");
  expect(() => tgi({ model: "m", container: {} })).toThrow("container needs an image");
  expect(() => tgi({ model: "m", image: "i", container: { volumes: ["models"] } })).toThrow(
    'volumes must be a list such as ["/models:/models:ro"]',
  );
  // @ts-expect-error misspelt
  expect(() => llamaCpp({ model: "m", gpuLayer: 3 })).toThrow('did you mean "gpuLayers"?');
  expect(() => sglang({ model: "m", hiCache: {}, lmcache: {} })).toThrow("hiCache and lmcache both keep KV cache beside it");
});

function shown(program: StandIn, port: number, scratch: string): string {
  return program.started().args.join(" ").replaceAll(String(port), "PORT").replaceAll(scratch, "SCRATCH");
}
